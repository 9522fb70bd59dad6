using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>What Xen has in use.</summary>
/// <param name="FreeMiB">Its free memory.</param>
/// <param name="Channels">Event channels of all domains.</param>
/// <param name="Grants">Grants of all domains that are mapped or copied.</param>
internal sealed record XenUse(int FreeMiB, int Channels, int Grants)
{
    public static async Task<XenUse> ReadAsync(XenMachine machine)
    {
        string said = (await machine.RunInDom0Async(
            """
            xl info free_memory
            xl debug-keys eg
            xl dmesg -c > /tmp/keys
            grep -c ' s=[1-6] ' /tmp/keys
            grep -c '\[0x[0-9a-f]*\] ' /tmp/keys || true
            """,
            World.Limit)).ThrowIfFailed("what Xen has in use").Output;
        string[] lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        int[] numbers = [.. lines.Select(each => int.Parse(each, CultureInfo.InvariantCulture))];
        Assert.True(numbers is [_, > 0, _], $"Xen's free memory, event channels and grants are expected in:\n{said}");
        return new(numbers[0], numbers[1], numbers[2]);
    }

    /// <summary>
    /// Waits until no more is in use than this. Xen frees a domain that is gone in its own time. One MiB is what counting in MiB may lose.
    /// </summary>
    public async Task ReturnsAsync(XenMachine machine)
    {
        XenUse now = await ReadAsync(machine);
        for (int i = 0; now.FreeMiB < FreeMiB - 1 || now.Channels > Channels || now.Grants > Grants; i++)
        {
            Assert.True(i < 60, $"there are {now}, and were {this}");
            await Task.Delay(TimeSpan.FromSeconds(1));
            now = await ReadAsync(machine);
        }
    }
}
