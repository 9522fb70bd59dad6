using System.Globalization;
using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>Hostile frames from dom0 and from another guest, while dom0 has a connection to the guest.</summary>
[Collection(OnTwoProcessors.Name)]
public sealed class FloodTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    /// <summary>What the stack may keep for strangers, and the collector's heap may have grown by.</summary>
    private const int MostPages = 2_048;

    /// <summary>What the flood has at least.</summary>
    private const int LeastFrames = 1_000;

    private const string Victim = "10.99.8.2";

    [Fact]
    public async Task A_connection_goes_on_in_a_flood_of_hostile_frames_and_memory_is_bounded()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world, interfaces: 1, commandLine: $"XENLET_IP={Victim}/24 XENLET_GATEWAY=10.99.8.1 echo");
        await guest.SeesAsync("echo: ready");
        string peer = world.Machine.Share(await Images.NetworkPeer);
        string said = await guest.Dom0Async(
            $"""
            ip addr add 10.99.8.1/24 dev xenbr0
            until ping -c 1 -W 1 {Victim} > /dev/null; do usleep 50000; done
            set -- $(cat /sys/class/net/xenbr0/address) $(xenstore-read $home/device/vif/0/mac)
            {peer} flood xenbr0 lo $1 $2 {Victim} 7 256 || exit 1
            ping -c 1 -W 60 {Victim} > /dev/null && echo answers
            cd /sys/class/net/vif$id.0/statistics
            echo "netback: $(cat tx_packets) frames, $(cat tx_dropped) dropped"
            """);
        output.WriteLine(said);
        Assert.Contains("end 0", said, StringComparison.Ordinal);
        Assert.Contains("answers", said, StringComparison.Ordinal);
        Assert.InRange(NumberBefore(" frames, ", said), LeastFrames, int.MaxValue);
        await FloodFromGuestAsync(guest);
        await guest.Dom0Async("ip addr del 10.99.8.1/24 dev xenbr0");
        EndedGuest ended = await guest.ShutDownAsync();
        string summary = Assert.Single(ended.Lines, line => line.StartsWith("echo: 0 faults", StringComparison.Ordinal));
        output.WriteLine(summary);
        Assert.InRange(NumberBefore(" pages more", summary), int.MinValue, MostPages);
    }

    /// <summary>A stream from dom0 loses no byte while another guest floods the victim.</summary>
    private async Task FloodFromGuestAsync(XenBusGuest guest)
    {
        Dom0Stream stream = await Dom0Stream.StartAsync(guest, Victim);
        string[] known = (await guest.Dom0Async(
            $"""
            xenstore-read $home/device/vif/0/mac
            netstat -tn | sed 's/::ffff://g' | awk '$5 == "{Victim}:7" && $6 == "ESTABLISHED" {"{ print $4 }"}' | head -n 1
            cat /sys/class/net/vif$id.0/statistics/tx_packets
            """)).Split('\n');
        string flood = $"flood {known[0].Trim()} {known[1].Trim()} {Victim}:7";
        await using XenBusGuest flooder = await XenBusGuest.StartAsync(world, interfaces: 1, commandLine: flood);
        await flooder.SeesAsync("flood: 2000 frames");
        await stream.GrowsAsync();
        await flooder.SeesAsync("flood: 4000 frames");
        await stream.GrowsAsync();
        EndedGuest ended = await flooder.ShutDownAsync();
        string taken = await guest.Dom0Async("cat /sys/class/net/vif$id.0/statistics/tx_packets");
        string end = await stream.EndAsync();
        output.WriteLine(Assert.Single(ended.Lines, line => line.StartsWith("flood: ended", StringComparison.Ordinal)));
        output.WriteLine($"{flood}: {end}; the victim's interface had {known[2].Trim()} frames before and {taken} after");
        Assert.Equal("all came back: True, the idle one works: True", end);
        int frames = int.Parse(taken, CultureInfo.InvariantCulture) - int.Parse(known[2], CultureInfo.InvariantCulture);
        Assert.True(frames >= LeastFrames, $"of the flood {frames} frames have reached the victim's interface");
    }

    private static int NumberBefore(string word, string text)
    {
        string before = text[..text.IndexOf(word, StringComparison.Ordinal)];
        return int.Parse(before.AsSpan(before.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture);
    }
}
