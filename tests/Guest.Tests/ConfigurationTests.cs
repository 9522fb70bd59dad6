using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Configuration in xenstore, which dom0 writes, over the connection of the services that the image starts, and what a program measures.
/// </summary>
[Collection(DevicesUnderXen.Name)]
public sealed class ConfigurationTests(XenWorld world)
{
    [Fact]
    public async Task Xenstore_write_in_dom0_changes_an_option_of_a_running_guest_which_xl_sysrq_and_xl_shutdown_still_reach()
    {
        await using XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Work,
            MemoryMiB = World.CaseMemory,
            CommandLine = "configured",
            Paused = true,
        });
        string node = $"/local/domain/{guest.DomainId.ToString(CultureInfo.InvariantCulture)}/data/config/Hello";
        await Dom0Async($"xenstore-write {node}/Greeting before");
        await guest.UnpauseAsync();
        await guest.WaitForTextAsync("greeting is before", World.Limit);
        await Dom0Async($"xenstore-write {node}/Greeting after");
        await guest.WaitForTextAsync("changed to after", World.Limit);
        await Dom0Async($"xenstore-write {node}/GREETING refused");
        await guest.WaitForTextAsync("xenlet: configuration: a change is not taken: data/config/Hello/Greeting: the name", World.Limit);
        string report = (await world.ReportAsync(guest, 'i')).Replace("\r", "", StringComparison.Ordinal);
        Assert.StartsWith("xenlet: report: instruments\n", report, StringComparison.Ordinal);
        Assert.Contains("\nwork/changes{to=after}: 1 {change}\n", report, StringComparison.Ordinal);
        await guest.ShutdownAsync();
        (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(143);
    }

    private async Task Dom0Async(string command) => (await world.Machine.RunInDom0Async(command, World.Limit)).ThrowIfFailed(command);
}
