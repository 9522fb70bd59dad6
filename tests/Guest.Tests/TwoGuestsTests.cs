using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>Two guests on dom0's bridge, which talk to each other (the case "peer").</summary>
[Collection(DriversUnderXen.Name)]
public sealed partial class TwoGuestsTests(XenWorld world)
{
    private const string First = "10.99.10.2";
    private const string Second = "10.99.10.3";

    /// <summary>More than is under way between the two.</summary>
    private const long Growth = 150_000;

    [Fact]
    public async Task Streams_and_datagrams_come_back_whole_both_ways_also_while_one_of_the_guests_is_saved_and_restored()
    {
        await using XenBusGuest first = await StartAsync(First, other: Second);
        await using XenBusGuest second = await StartAsync(Second, other: First);
        await first.SeesAsync($"peer: connected from [::ffff:{First}]");
        await second.SeesAsync($"peer: connected from [::ffff:{Second}]");
        foreach (XenBusGuest guest in (XenBusGuest[])[first, second])
        {
            await GoesOnAsync(guest);
            await guest.SeesAsync("peer: datagrams of all lengths came back");
        }

        string file = XenMachine.SavePath(first.Guest.Name);
        await first.Guest.SaveAsync(file, World.Limit);
        await first.GoOnAsAsync(await world.Machine.RestoreGuestAsync(first.Guest.Name, file));
        foreach (XenBusGuest guest in (XenBusGuest[])[first, second])
        {
            await GoesOnAsync(guest);
            await guest.SeesAsync("peer: datagrams of all lengths came back");
        }

        // Each ends when the other has ended its stream.
        await first.Dom0Async($"rm {file}; xl shutdown $id; xl shutdown {second.Id}");
        foreach (XenBusGuest guest in (XenBusGuest[])[first, second])
        {
            EndedGuest ended = (await EndedGuest.OfAsync(guest.Guest, World.Limit)).AssertExited(0);
            Assert.Contains("peer: 0 faults", ended.Lines);
            Assert.Contains(ended.Lines, line => line.EndsWith("bytes are all that were sent", StringComparison.Ordinal));
        }
    }

    private Task<XenBusGuest> StartAsync(string address, string other) =>
        XenBusGuest.StartAsync(world, interfaces: 1, commandLine: $"XENLET_IP={address}/24 peer {other}");

    /// <summary>Waits until the guest has more of its stream back than was under way.</summary>
    private static async Task GoesOnAsync(XenBusGuest guest)
    {
        long goal = CameBack() + Growth;
        while (CameBack() < goal)
        {
            await guest.SeesAsync("bytes came back");
        }

        long CameBack() => CountOfBytes().Matches(guest.Guest.Console.Text) is [.., Match last]
            ? long.Parse(last.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : 0;
    }

    [GeneratedRegex(@"peer: (\d+) bytes came back")]
    private static partial Regex CountOfBytes();
}
