using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A guest that works with an honest disk and an honest interface (the case "hostile"), and tests/HostilePeer in dom0, whose devices it
/// gets beside those.
/// </summary>
internal sealed class HostileGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    private string _peer = "";
    private int _marks;

    /// <summary>Starts a guest, and has both kinds of devices come, work and go once, so that what the drivers keep is there.</summary>
    public static async Task<HostileGuest> StartAsync(XenWorld world)
    {
        HostileGuest started = await StartAsync(world, "hostile");
        await started.UsesHonestAsync("disk", TimeSpan.FromSeconds(0.2));
        await started.UsesHonestAsync("interface", TimeSpan.FromSeconds(0.2));
        return started;
    }

    /// <summary>Starts a guest that reads lines from its console, and writes some.</summary>
    public static Task<HostileGuest> StartWithConsoleAsync(XenWorld world) => StartAsync(world, "hostile console");

    private static async Task<HostileGuest> StartAsync(XenWorld world, string commandLine)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.CaseMemory,
            CommandLine = commandLine,
            Disks = await world.CreateDisksAsync(1),
            Vifs = [""],
        });
        HostileGuest started = new(world, guest);

        // What tests/GuestImage/NeighbourWork.cs asks for. dom0 may have it from a guest before this one.
        await started.Dom0Async("ip addr add 10.98.0.1/24 dev xenbr0 2>/dev/null || ip addr show dev xenbr0 | grep -q 10.98.0.1");
        started._peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);
        await started.Dom0Async("until [ \"$(xenstore-read $home/data/report 2>/dev/null)\" = ready ]; do usleep 300000; done");
        return started;
    }

    /// <summary>The number of the peer's device: xvdh, or an interface with an unused number.</summary>
    public static int NumberOf(string kind) => kind == "disk" ? (202 << 8) + (7 * 16) : 9;

    /// <summary>
    /// Has an honest device come and go until the guest has used one: on a busy machine the device has gone before the guest comes to that.
    /// </summary>
    public async Task UsesHonestAsync(string kind, TimeSpan time)
    {
        const int Rounds = 20;
        await ReportAsync();
        for (int round = 0; round < Rounds; round++)
        {
            Assert.Equal("front end was Connected", await RunPeerAsync(kind, "honest", time));
            if ((await ReportAsync()).Others > 0)
            {
                return;
            }
        }

        Assert.Fail($"the guest has not used an honest {kind}, {Rounds} times");
    }

    /// <summary>The guest's report on the time since its last one.</summary>
    public async Task<HostileReport> ReportAsync()
    {
        string line = await Dom0Async(
            $"""
            xenstore-write $home/data/mark {++_marks}
            until xenstore-read $home/data/report | grep -q '^mark={_marks} '; do usleep 200000; done
            xenstore-read $home/data/report
            """);
        return HostileReport.Parse(line);
    }

    /// <summary>Has a device come, behave so, and go; gives what the peer says.</summary>
    /// <param name="kind">Which device, or "console".</param>
    /// <param name="behaviour">How it behaves.</param>
    /// <param name="time">For how long.</param>
    /// <param name="untilClosed">After that it continues until the guest, which may not have used the device yet, has closed it.</param>
    public Task<string> RunPeerAsync(string kind, string behaviour, TimeSpan time, bool untilClosed = false) =>
        Dom0Async(Command(kind, behaviour, time) + (untilClosed ? " until-closed" : ""));

    /// <summary>The same with a peer that keeps what it has mapped until <see cref="EndPeerAsync"/>.</summary>
    public async Task<string> StartKeepingPeerAsync(string kind, string behaviour, TimeSpan time) => await Dom0Async(
        $"""
        {Command(kind, behaviour, time)} keep > /tmp/peer.out 2>&1 &
        echo $! > /tmp/peer.pid
        until grep -q '^keeping$' /tmp/peer.out; do
            kill -0 $(cat /tmp/peer.pid) || exit 1
            usleep 100000
        done
        cat /tmp/peer.out
        """);

    /// <summary>Ends the peer that keeps pages.</summary>
    public Task EndPeerAsync() => Dom0Async("kill $(cat /tmp/peer.pid); rm /tmp/peer.pid /tmp/peer.out");

    /// <summary>Ends xenconsoled, so that the peer can be the console, until what is given back is disposed of.</summary>
    public async Task<IAsyncDisposable> TakeConsoleAsync()
    {
        await Dom0Async("pid=$(cat /run/xenconsoled.pid); kill $pid; while kill -0 $pid 2>/dev/null; do usleep 20000; done");
        return new ConsoleDaemon(this);
    }

    /// <summary>Waits until the guest has all its memory and grants back.</summary>
    /// <param name="before">What it had.</param>
    /// <param name="now">What it said last.</param>
    public async Task HasBackAsync(HostileReport before, HostileReport now)
    {
        for (int i = 0; i < 100 && !now.HasAllOf(before); i++)
        {
            await Dom0Async("usleep 200000");
            now = await ReportAsync();
        }

        Assert.True(
            now.HasAllOf(
                before), $"the guest had {before} before the back ends lied, and has {now} after they have "
                    + $"gone:\n{Guest.Console.Tail(30)}");
    }

    /// <summary>Ends the guest.</summary>
    public async Task EndAsync()
    {
        await Guest.ShutdownAsync();
        EndedGuest ended = (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
        Assert.Contains("problem: none", ended.Lines);
    }

    private string Command(string kind, string behaviour, TimeSpan time) => string.Create(
        CultureInfo.InvariantCulture,
        $"{_peer} lie {kind} $id {(kind == "console" ? "-" : NumberOf(kind))} {behaviour} {time.TotalMilliseconds:0}");

    private sealed class ConsoleDaemon(HostileGuest guest) : IAsyncDisposable
    {
        // As qemu-xen/dom0/init starts it.
        public async ValueTask DisposeAsync() =>
            await guest.Dom0Async(
                "rm -f /run/xenconsoled.pid; xenconsoled --log=guest --log-dir=/host/console --pid-file=/run/xenconsoled.pid");
    }
}
