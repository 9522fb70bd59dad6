using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>What happens to the two domains of a disk that a Xenlet serves, and what is left of it.</summary>
[Collection(DevicesUnderXen.Name)]
public sealed class BackEndLifeTests(XenWorld world)
{
    internal const string Address = "10.99.32.2";

    /// <summary>The command line of a guest with a disk and an interface.</summary>
    internal const string CommandLine = $"XENLET_IP={Address}/24 block-echo";

    private const string Dom0Address = "10.99.32.1";

    /// <summary>In dom0, has what it sends to a guest that has asked for datagrams.</summary>
    private const string Answer = "/tmp/answer";

    [Fact]
    public Task Ten_plug_cycles_leave_nothing_in_the_store_in_Xen_or_in_either_domain() => CycleAsync(world, 10);

    /// <summary>
    /// Meanwhile its disk works, and a connection with dom0 goes on over its interface, as do datagrams that it has asked for once: of
    /// either, the filter rules accept no more than the first packet.
    /// </summary>
    [Fact]
    public async Task A_front_end_that_is_saved_and_migrated_loses_nothing_and_a_save_of_its_driver_domain_is_refused()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(
            world, isDriverDomain: true, hasUplink: true, storeMiB: BlockServerGuest.SmallMiB);
        XenUse before = await XenUse.ReadAsync(world.Machine);
        await using WorkingBlockGuest work = await WorkingBlockGuest.StartAsync(world, await BlockGuest.StartAsync(
            world,
            $"XENLET_ASKS={Dom0Address} {CommandLine}",
            World.SavedMemory,
            [server.Interface($"ip={Address}")],
            server.Disk("one", "xvda")));
        string first = work.Id;
        await ReachAsync(server);
        await server.Dom0Async(
            $"""
            xenstore-write $home/data/filter/rules 'accept tcp from outside to {Address} port 7; accept udp from guests to outside port 7'
            until xenstore-read $home/data/filter/in-force 2> /dev/null | grep '^change 1: 2 rules'; do usleep 300000; done
            """);
        Dom0Stream stream = await Dom0Stream.StartAsync(work.Guest, Address);
        string peer = await server.CopyProgramAsync(await Images.NetworkPeer);
        await server.Dom0Async($"echo first > {Answer}; {peer} asked 7 {Answer} > /dev/null 2>&1 & echo $! > {Answer}.id");
        await work.Guest.SeesAsync("a datagram says first");

        string file = XenMachine.SavePath(server.Guest.Name);
        Task<string> save = await AskAsync($"xl save $id {file}", server, first, $"vbd/{first}/51712", $"vif/{first}/0");

        await work.SaveAndRestoreAsync();
        await GoesOnAsync("restored");
        await work.MigrateAsync();
        await GoesOnAsync("migrated");
        await server.HasNothingForAsync(first);

        // libxl's 60 seconds may not be over. A stream that goes on until then would prove no more than what comes after them.
        Assert.Equal("all came back: True, the idle one works: True", await stream.EndAsync());
        Assert.Equal("refused", await save);
        Assert.Equal("again", await server.Dom0Async($"echo again | nc {Address} 7"));
        await server.Dom0Async($"kill $(cat {Answer}.id); rm {Answer}*");
        await work.EndAsync();
        await server.LetsGoOfAsync(work.Id);
        await before.ReturnsAsync(world.Machine);
        await LeaveAsync(server);
        await server.Dom0Async($"rm -f {file}");
        await server.EndAsync();

        async Task GoesOnAsync(string word)
        {
            await server.Dom0Async($"echo {word} > {Answer}");
            await work.Guest.SeesAsync($"a datagram says {word}");
            await stream.GrowsAsync();
        }
    }

    /// <summary>Each with requests under way. The last one may only read.</summary>
    [Fact]
    public async Task A_front_end_that_is_destroyed_or_crashes_leaves_nothing_and_the_next_one_finds_what_it_wrote()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(
            world, isDriverDomain: true, storeMiB: BlockServerGuest.SmallMiB);
        XenUse before = await XenUse.ReadAsync(world.Machine);
        string[] disks = [server.Disk("one", "xvda"), server.Disk("two", "xvdb")];
        await using (BlockGuest guest = await BlockGuest.StartAsync(world, disks))
        {
            Assert.Equal("ok", await guest.DoAsync("fill xvda 3"));
            Assert.Equal("ok", await guest.DoAsync("busy xvdb"));
            await guest.Guest.DestroyAsync();
            await server.LetsGoOfAsync(guest.Id);
        }

        await using (BlockGuest guest = await BlockGuest.StartAsync(world, disks))
        {
            Assert.Equal("ok", await guest.DoAsync("check xvda 3"));
            Assert.Equal("ok", await guest.DoAsync("fill xvda 4"));
            Assert.Equal("ok", await guest.DoAsync("busy xvdb"));
            await guest.Dom0Async("xl sysrq $id c");
            (await EndedGuest.OfAsync(guest.Guest, World.Limit)).AssertCrashed();
            await server.LetsGoOfAsync(guest.Id);
        }

        string[] readOnly = [.. disks.Select(disk => disk.Replace("access=rw", "access=ro", StringComparison.Ordinal))];
        await using BlockGuest last = await BlockGuest.StartAsync(world, readOnly);
        Assert.Equal("ok", await last.DoAsync("check xvda 4"));
        Assert.Equal("UnauthorizedAccessException: xvda is read-only.", await last.DoAsync("write xvda 0"));
        await last.EndAsync();
        await server.LetsGoOfAsync(last.Id);
        await before.ReturnsAsync(world.Machine);
        await server.EndAsync();
    }

    /// <summary>Waits until the guest answers dom0.</summary>
    internal static Task ReachAsync(BlockServerGuest server) => server.Dom0Async(
        $"ip addr replace {Dom0Address}/24 dev xenbr0; until ping -c 1 -W 1 {Address} > /dev/null; do usleep 50000; done");

    /// <summary>Takes dom0's address back.</summary>
    internal static Task LeaveAsync(BlockServerGuest server) => server.Dom0Async($"ip addr del {Dom0Address}/24 dev xenbr0");

    /// <summary>
    /// Has xl suspend a driver domain, which does not let it because of the devices of a front end. What xl makes of it is known when
    /// libxl has waited 60 seconds.
    /// </summary>
    internal static async Task<Task<string>> AskAsync(string command, BlockServerGuest server, string frontEnd, params string[] devices)
    {
        Task<string> outcome = server.Dom0Async($"{command} > /dev/null 2>&1 && echo done || echo refused");
        await server.SeesAsync("the suspend is refused");
        string errors = await server.Dom0Async(
            $"xenstore-read {string.Join(' ', devices.Select(device => $"$home/error/backend/{device}/error"))}");
        Assert.All(
            errors.Split('\n'),
            error => Assert.Contains($"cannot be suspended while it serves domain {frontEnd}", error, StringComparison.Ordinal));
        return outcome;
    }

    /// <summary>Plugs and unplugs a disk; what is there after the first time is there after the last.</summary>
    internal static async Task CycleAsync(XenWorld world, int count)
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(
            world, isDriverDomain: true, storeMiB: BlockServerGuest.SmallMiB);
        await using BlockGuest guest = await BlockGuest.StartAsync(world);
        XenUse? before = null;
        for (int cycle = 0; cycle < count; cycle++)
        {
            await guest.Guest.AttachDiskAsync(server.Disk("one", "xvda"));
            Assert.Equal("ok", await guest.DoAsync(cycle == 0 ? "fill xvda 1" : "check xvda 1"));
            await server.UnplugAsync(guest);
            before ??= await XenUse.ReadAsync(world.Machine);
        }

        await before!.ReturnsAsync(world.Machine);
        Assert.Equal("", await guest.Dom0Async("xenstore-ls /libxl/$id/device 2> /dev/null | grep vbd/ || true"));
        await guest.EndAsync(isUnplugged: true);
        await server.EndAsync();
    }
}

/// <summary>The same at length. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(DevicesUnderXen.Name)]
public sealed class BackEndLifeSoakTests(XenWorld world)
{
    [Fact]
    public Task A_hundred_plug_cycles_leave_nothing_in_the_store_in_Xen_or_in_either_domain() => BackEndLifeTests.CycleAsync(world, 100);

    /// <summary>
    /// The Xenlet has requests under way. Linux's front end, dom0's own, has none: nobody would complete them, and other tests use this
    /// dom0.
    /// </summary>
    [Fact]
    public async Task A_driver_domain_does_not_migrate_and_when_it_was_destroyed_and_returns_it_serves_devices_that_are_attached_again()
    {
        XenUse before = await XenUse.ReadAsync(world.Machine);
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(
            world, isDriverDomain: true, hasUplink: true, storeMiB: BlockServerGuest.SmallMiB);
        await using BlockGuest guest = await BlockGuest.StartAsync(
            world,
            BackEndLifeTests.CommandLine,
            World.DeviceMemory,
            [server.Interface($"ip={BackEndLifeTests.Address}")],
            server.Disk("one", "xvda"));
        await BackEndLifeTests.ReachAsync(server);
        Assert.Equal("ok", await guest.DoAsync("busy xvda"));
        Task<string> migration = await BackEndLifeTests.AskAsync(
            "xl migrate -s lssh $id localhost", server, guest.Id, $"vbd/{guest.Id}/51712", $"vif/{guest.Id}/0");
        Assert.Equal("refused", await migration);
        await server.AttachToLinuxAsync("linux", "xvdz");
        await server.Guest.DestroyAsync();
        await guest.SeesAllAsync([
            "bus vbd/51712: other end Connected -> Closed",
            "bus vif/0: other end Connected -> Closed",
            .. Enumerable.Range(0, 4).Select(number => string.Create(CultureInfo.InvariantCulture, $"worker {number} of xvda did some"))]);
        Assert.Equal("there\ngone", await guest.Dom0Async(
            """
            test -b /dev/xvdz && echo there
            xl block-detach 0 xvdz
            ls /sys/block | grep xvdz || echo gone
            """));
        await guest.Guest.DetachDiskAsync("xvda");
        await guest.SeesAsync("bus vbd/51712: departed");
        await guest.Guest.DetachInterfaceAsync("0");
        await guest.SeesAsync("bus vif/0: departed");

        await using BlockServerGuest next = await BlockServerGuest.StartAsync(
            world, isDriverDomain: true, server.Guest.Name, hasUplink: true, BlockServerGuest.SmallMiB);
        await guest.Guest.AttachInterfaceAsync(next.Interface($"ip={BackEndLifeTests.Address}"));
        await BackEndLifeTests.ReachAsync(next);
        Assert.Equal("again", await guest.Dom0Async($"echo again | nc {BackEndLifeTests.Address} 7"));
        await guest.Guest.AttachDiskAsync(next.Disk("one", "xvda"));
        Assert.Equal("ok", await guest.DoAsync("fill xvda 5"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 5"));
        await next.AttachToLinuxAsync("linux", "xvdz");
        await next.Dom0Async("dd if=/dev/xvdz of=/dev/null bs=64k count=1");
        await next.DetachFromLinuxAsync("xvdz");
        await guest.EndAsync();
        await next.LetsGoOfAsync(guest.Id);
        await BackEndLifeTests.LeaveAsync(next);
        await next.EndAsync();
        await before.ReturnsAsync(world.Machine);
    }
}
