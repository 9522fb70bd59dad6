using System.Globalization;
using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>Hostile frames from dom0, while it has a connection to the guest.</summary>
[Collection(OnTwoProcessors.Name)]
public sealed class FloodTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    /// <summary>What the stack may keep for strangers, and the collector's heap may have grown by.</summary>
    private const int MostPages = 2_048;

    /// <summary>What the flood has at least.</summary>
    private const int LeastFrames = 1_000;

    [Fact]
    public async Task A_connection_goes_on_in_a_flood_of_hostile_frames_and_memory_is_bounded()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world, interfaces: 1, commandLine: "XENLET_IP=10.99.8.2/24 XENLET_GATEWAY=10.99.8.1 echo");
        await guest.SeesAsync("echo: ready");
        string peer = world.Machine.Share(await Images.NetworkPeer);
        string said = await guest.Dom0Async(
            $"""
            ip addr add 10.99.8.1/24 dev xenbr0
            until ping -c 1 -W 1 10.99.8.2 > /dev/null; do usleep 50000; done
            set -- $(cat /sys/class/net/xenbr0/address) $(xenstore-read $home/device/vif/0/mac)
            {peer} flood xenbr0 lo $1 $2 10.99.8.2 7 256 || exit 1
            ping -c 1 -W 60 10.99.8.2 > /dev/null && echo answers
            cd /sys/class/net/vif$id.0/statistics
            echo "netback: $(cat tx_packets) frames, $(cat tx_dropped) dropped"
            ip addr del 10.99.8.1/24 dev xenbr0
            """);
        output.WriteLine(said);
        Assert.Contains("end 0", said, StringComparison.Ordinal);
        Assert.Contains("answers", said, StringComparison.Ordinal);
        Assert.InRange(NumberBefore(" frames, ", said), LeastFrames, int.MaxValue);
        EndedGuest ended = await guest.ShutDownAsync();
        string summary = Assert.Single(ended.Lines, line => line.StartsWith("echo: 0 faults", StringComparison.Ordinal));
        output.WriteLine(summary);
        Assert.InRange(NumberBefore(" pages more", summary), int.MinValue, MostPages);
    }

    private static int NumberBefore(string word, string text)
    {
        string before = text[..text.IndexOf(word, StringComparison.Ordinal)];
        return int.Parse(before.AsSpan(before.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture);
    }
}
