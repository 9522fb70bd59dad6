using System.Globalization;
using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>Hostile frames from dom0, and then from another guest, while dom0 has a connection to the guest.</summary>
[Collection(OnTwoProcessors.Name)]
public sealed class FloodTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    /// <summary>What the stack may keep for strangers, and the collector's heap may have grown by.</summary>
    private const int MostPages = 2_048;

    /// <summary>What the flood has at least.</summary>
    private const int LeastFrames = 1_000;

    private const string Victim = "10.99.8.2";
    private const string Dom0 = "10.99.8.1";

    [Fact]
    public async Task A_connection_goes_on_in_a_flood_of_hostile_frames_and_memory_is_bounded()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world, interfaces: 1, commandLine: $"XENLET_IP={Victim}/24 XENLET_GATEWAY={Dom0} echo");
        await guest.SeesAsync("echo: ready");
        string peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);
        string said = await guest.Dom0Async(
            $"""
            ip addr add {Dom0}/24 dev xenbr0
            until ping -c 1 -W 1 {Victim} > /dev/null; do usleep 50000; done
            set -- $(cat /sys/class/net/xenbr0/address) $(xenstore-read $home/device/vif/0/mac)
            echo "the guest's address is $2"
            {peer} flood xenbr0 lo $1 $2 {Victim} 7 256 || exit 1
            cd /sys/class/net/vif$id.0/statistics
            echo "netback: $(cat tx_packets) frames, $(cat tx_dropped) dropped"
            """);
        output.WriteLine(said);
        Assert.Contains("end 0", said, StringComparison.Ordinal);
        Assert.InRange(NumberBefore(" frames, ", said), LeastFrames, int.MaxValue);
        string theirs = said[(said.IndexOf("is ", StringComparison.Ordinal) + 3)..].Split('\n')[0].Trim();
        said = await FloodFromGuestAsync(guest, theirs, peer);
        output.WriteLine(said);
        Assert.Contains("end 0", said, StringComparison.Ordinal);
        Assert.Contains("answers", said, StringComparison.Ordinal);
        EndedGuest ended = await guest.ShutDownAsync();
        string summary = Assert.Single(ended.Lines, line => line.StartsWith("echo: 0 faults", StringComparison.Ordinal));
        output.WriteLine(summary);
        Assert.InRange(NumberBefore(" pages more", summary), int.MinValue, MostPages);
    }

    /// <summary>Floods from another guest, before, during and after an echo over a connection that it knows; what dom0 says.</summary>
    private async Task<string> FloodFromGuestAsync(XenBusGuest guest, string theirs, string peer)
    {
        const int From = 40_000;
        await using XenBusGuest flooder = await XenBusGuest.StartAsync(
            world, interfaces: 1, commandLine: $"flood {theirs} {Dom0}:{From} {Victim}:7");
        await flooder.SeesAsync($"flood: {LeastFrames} frames");
        string said = await guest.Dom0Async(
            $"""
            cd /sys/class/net/vif$id.0/statistics
            before=$(cat tx_packets)
            {peer} flooded {Victim} 7 {From} 64 || exit 1
            until [ $(cat tx_packets) -ge $((before + {LeastFrames})) ]; do usleep 100000; done
            xl shutdown {flooder.Id}
            ping -c 1 -W 60 {Victim} > /dev/null && echo answers
            echo "netback: $(($(cat tx_packets) - before)) frames more, $(cat tx_dropped) dropped"
            ip addr del {Dom0}/24 dev xenbr0
            """);
        EndedGuest ended = (await EndedGuest.OfAsync(flooder.Guest, World.Limit)).AssertExited(0);
        output.WriteLine(Assert.Single(ended.Lines, line => line.StartsWith("flood: ended", StringComparison.Ordinal)));
        return said;
    }

    private static int NumberBefore(string word, string text)
    {
        string before = text[..text.IndexOf(word, StringComparison.Ordinal)];
        return int.Parse(before.AsSpan(before.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture);
    }
}
