using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that works on an honest disk (the case "hostile"), and tests/HostilePeer in dom0, whose devices it gets beside that.</summary>
internal sealed class HostileGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    /// <summary>The number of xvdh, the disk of the peer.</summary>
    private const int PeerDisk = (202 << 8) + (7 * 16);

    /// <summary>The number of the peer's interface.</summary>
    private const int PeerInterface = 9;

    private string _peer = "";
    private int _marks;

    /// <summary>Starts a guest, and has both kinds of devices come, work and go once, so that what the drivers keep is there: buffers for frames above all.</summary>
    public static async Task<HostileGuest> StartAsync(XenWorld world)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.CaseMemory,
            CommandLine = "hostile",
            Disks = await world.CreateDisksAsync(1),
        });
        HostileGuest started = new(world, guest) { _peer = world.Machine.Share(await Images.HostilePeer) };
        await started.Dom0Async("until [ \"$(xenstore-read $home/data/report 2>/dev/null)\" = ready ]; do usleep 100000; done");
        Assert.Equal("front end was Connected", await started.RunPeerAsync("disk", "honest", TimeSpan.FromSeconds(0.5)));
        Assert.Equal("front end was Connected", await started.RunPeerAsync("interface", "flood", TimeSpan.FromSeconds(0.5)));

        return started;
    }

    /// <summary>How the guest has fared since it was asked last.</summary>
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
    public Task<string> RunPeerAsync(string kind, string behaviour, TimeSpan time) => Dom0Async(Command(kind, behaviour, time));

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

    /// <summary>Waits until the guest has back what it had.</summary>
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
            now.HasAllOf(before), $"the guest had {before} before the back ends lied, and has {now} after they have gone:\n{Guest.Console.Tail(30)}");
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
        $"{_peer} {kind} $id {(kind == "disk" ? PeerDisk : PeerInterface)} {behaviour} {time.TotalMilliseconds:0}");
}
