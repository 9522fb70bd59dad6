using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>The network front end with netback and a bridge of dom0's Linux, where tests/NetworkPeer is the other end.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class NetworkTests(XenWorld world)
{
    private const int Frames = 1000;

    [Fact]
    public async Task A_thousand_frames_of_all_lengths_go_each_way_and_none_is_lost_or_changed()
    {
        await using XenBusGuest guest = await StartAsync(world);
        Assert.Equal(Echoed(Frames), await EchoAsync(guest, Frames));

        // dom0's bridge has frames of its own at any time, one of which may be on its way to the program when the guest is asked.
        const string taken = "Up, MTU 1500, 0 frames wait for the program, received frames ";
        string report = await world.ReportAsync(guest.Guest, 'r');
        for (int again = 0; again < 10 && !report.Contains(taken, StringComparison.Ordinal); again++)
        {
            report = await world.ReportAsync(guest.Guest, 'r');
        }

        Assert.Contains("network interfaces", report, StringComparison.Ordinal);
        Assert.Contains(taken, report, StringComparison.Ordinal);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains($"vif0 echoed {Frames}, changed 0", ended.Lines);
        Assert.Contains("vif/0: other end Connected -> Closing", ended.Lines);
        Assert.Contains("vif/0: other end Closing -> Closed", ended.Lines);

        // They are in the device tree.
        string statistics = Assert.Single(ended.Lines, line => line.StartsWith("      vif0 (", StringComparison.Ordinal));
        Assert.Contains("Up, MTU 1500, received frames ", statistics, StringComparison.Ordinal);
        Assert.DoesNotContain("drops", statistics, StringComparison.Ordinal);
        Assert.DoesNotContain("errors", statistics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_checksum_left_blank_is_known_as_such_on_both_sides()
    {
        await using XenBusGuest guest = await StartAsync(world);
        string peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);
        string answers = await guest.Dom0Async(
            $"""
            ip addr add 10.99.0.1/24 dev xenbr0
            arp -i xenbr0 -s 10.99.0.2 $(xenstore-read $home/device/vif/0/mac)
            {peer} udp 10.99.0.2 7777
            status=$?
            arp -i xenbr0 -d 10.99.0.2
            ip addr del 10.99.0.1/24 dev xenbr0
            exit $status
            """);

        // The one with a wrong checksum, which is not marked as blank, does not arrive.
        Assert.Equal("answers: blank, last", answers);
        await guest.SeesAsync("udp: blank True, validated True, right False, right when filled True");
        await guest.ShutDownAsync();
    }

    [Fact]
    public async Task Two_interfaces_on_two_bridges_work_side_by_side()
    {
        await using XenBusGuest guest = await StartAsync(world);
        await guest.Guest.AttachInterfaceAsync("bridge=xenbr1");
        await guest.SeesAsync("vif1 is Up");
        string peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);
        string output = await guest.Dom0Async(
            $"""
            {EchoCommand(peer, "xenbr1", 1, Frames)} > /tmp/other &
            {EchoCommand(peer, "xenbr0", 0, Frames)}; wait $!; cat /tmp/other; rm /tmp/other
            """);
        Assert.Equal($"{Echoed(Frames)}\n{Echoed(Frames)}", output);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains($"vif0 echoed {Frames}, changed 0", ended.Lines);
        Assert.Contains($"vif1 echoed {Frames}, changed 0", ended.Lines);
    }

    [Fact]
    public async Task An_interface_is_unplugged_and_plugged_while_traffic_runs() => await CycleAsync(world, cycles: 3);

    [Fact]
    public async Task Saved_restored_and_migrated_twice_while_traffic_runs_it_is_connected_and_says_so_each_time()
    {
        await using XenBusGuest guest = await StartAsync(world, World.SavedMemory);
        string file = XenMachine.SavePath(guest.Guest.Name);
        await StartEndlessAsync(guest);
        await guest.Guest.SaveAsync(file, World.Limit);
        await guest.GoOnAsAsync(await world.Machine.RestoreGuestAsync(guest.Guest.Name, file));
        await AssertConnectedAnewAsync(guest);
        await guest.Dom0Async($"rm {file}");
        for (int i = 0; i < 2; i++)
        {
            await StartEndlessAsync(guest);
            await guest.GoOnAsAsync(await guest.Guest.MigrateAsync());
            await AssertConnectedAnewAsync(guest);
        }

        await StartEndlessAsync(guest);
        await guest.Guest.CheckpointAsync(file, World.Limit);
        await StopEndlessAsync(guest);
        Assert.Equal(Echoed(200), await EchoAsync(guest, 200));
        await guest.Dom0Async($"rm {file}");
        EndedGuest ended = await guest.ShutDownAsync();

        // The checkpoint was a cancelled suspend.
        Assert.Contains(
            ", connections 4",
            Assert.Single(ended.Lines, line => line.StartsWith("      vif0 (", StringComparison.Ordinal)),
            StringComparison.Ordinal);

        static async Task AssertConnectedAnewAsync(XenBusGuest guest)
        {
            await guest.SeesAsync("vif0 is Connecting");
            await guest.SeesAsync("vif0 is Up");
            await StopEndlessAsync(guest);
            Assert.Equal(Echoed(200), await EchoAsync(guest, 200));
        }
    }

    [Fact]
    public async Task A_capture_is_switched_on_from_dom0_and_read_from_the_console()
    {
        await using XenBusGuest guest = await StartAsync(world);
        await guest.Dom0Async("xenstore-write $home/data/xenlet/capture/vif0 20");
        await guest.SeesAsync("pcap vif0.1 ");
        Assert.Equal(Echoed(50), await EchoAsync(guest, 50));
        await guest.SeesAsync("capture of vif0 ended: 20 frames, 0 left out");
        EndedGuest ended = await guest.ShutDownAsync();
        byte[] file = [.. ended.Lines.Where(line => line.StartsWith("pcap vif0.1 ", StringComparison.Ordinal)).SelectMany(
            line => Convert.FromBase64String(line[12..]))];
        int frames = 0;
        for (int place = 24; place < file.Length; frames++)
        {
            int kept = BitConverter.ToInt32(file, place + 8);
            Assert.Equal(kept, BitConverter.ToInt32(file, place + 12));
            place += 16 + kept;
        }

        Assert.Equal(20, frames);
    }

    /// <summary>Unplugs in the middle of traffic and plugs again; at the end nothing is left.</summary>
    internal static async Task CycleAsync(XenWorld world, int cycles)
    {
        await using XenBusGuest guest = await StartAsync(world);
        for (int i = 0; i < cycles; i++)
        {
            await StartEndlessAsync(guest);
            await guest.Guest.DetachInterfaceAsync("0");
            await guest.SeesAsync("vif0 was taken away");
            await StopEndlessAsync(guest);
            await guest.Guest.AttachInterfaceAsync("bridge=xenbr0");
            await guest.SeesAsync("vif0 is Up");
            Assert.Equal(Echoed(100), await EchoAsync(guest, 100));
        }

        await guest.Guest.DetachInterfaceAsync("0");
        await guest.SeesAsync("vif0 was taken away");
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains("left: 0 grants, 0 shared pages, 0 held pages", ended.Lines);
    }

    /// <summary>Begins bursts of frames without end; that some are lost is what is meant to happen.</summary>
    private static async Task StartEndlessAsync(XenBusGuest guest)
    {
        string command = Command("bursts", await guest.CopyProgramAsync(await Images.NetworkPeer), "xenbr0", 0);
        await guest.Dom0Async(
            $"""
            before=$(cat /sys/class/net/vif$id.0/statistics/rx_packets)
            set -- {command}; "$@" > /dev/null 2>&1 & echo $! > /tmp/endless
            until [ $(cat /sys/class/net/vif$id.0/statistics/rx_packets) -gt $((before + 50)) ]; do usleep 100000; done
            """);
    }

    private static async Task StopEndlessAsync(XenBusGuest guest) => await guest.Dom0Async("kill $(cat /tmp/endless); rm /tmp/endless");

    private static async Task<XenBusGuest> StartAsync(XenWorld world, int memory = World.DeviceMemory)
    {
        XenBusGuest guest = await XenBusGuest.StartAsync(world, interfaces: 1, commandLine: "network", memory: memory);
        await guest.SeesAsync("vif0 is Up");
        return guest;
    }

    private static string Echoed(int frames) =>
        string.Create(CultureInfo.InvariantCulture, $"sent {frames}, returned {frames}, lost 0, changed or twice 0");

    /// <summary>Has frames echoed. If some are lost, the failure has the counts of both ends.</summary>
    private static async Task<string> EchoAsync(XenBusGuest guest, int frames)
    {
        try
        {
            return await guest.Dom0Async(EchoCommand(await guest.CopyProgramAsync(await Images.NetworkPeer), "xenbr0", 0, frames));
        }
        catch (QemuXenException failure)
        {
            string links = await guest.Dom0Async(
                "xl sysrq $id r; sleep 2; ip -s link show vif$id.0; ip -s link show xenbr0; xenstore-ls "
                + "/local/domain/0/backend/vif/$id; xenstore-ls $home/device/vif");
            throw new QemuXenException($"{failure.Message}\n{links}\n{guest.Guest.Console.Tail(20)}", failure);
        }
    }

    /// <summary>Linux's bridge hears of a link as late as a second after the guest (linkwatch), and drops frames until then.</summary>
    private static string EchoCommand(string peer, string bridge, int device, int frames) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""
        {
            until [ "$(cat /sys/class/net/vif$id.{{device}}/brport/state)" = 3 ]; do usleep 100000; done
            {{Command("echo", peer, bridge, device)}} {{frames}}
        }
        """);

    private static string Command(string word, string peer, string bridge, int device) => string.Create(
        CultureInfo.InvariantCulture,
        $"{peer} {word} {bridge} $(cat /sys/class/net/{bridge}/address) $(xenstore-read $home/device/vif/{device}/mac)");
}

/// <summary>The same at length. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(DriversUnderXen.Name)]
public sealed class NetworkSoakTests(XenWorld world)
{
    [Fact]
    public async Task An_interface_is_unplugged_and_plugged_a_hundred_times_while_traffic_runs() =>
        await NetworkTests.CycleAsync(world, cycles: 100);
}
