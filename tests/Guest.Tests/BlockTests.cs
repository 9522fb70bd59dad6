using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>The block front end with blkback of dom0's Linux, over loop devices in dom0's memory.</summary>
[Collection(UnderXen.Name)]
public sealed class BlockTests(XenWorld world) : IAsyncLifetime
{
    /// <summary>More than a ring and all its pages take, several times.</summary>
    internal const int SizeMiB = 4;
    private readonly List<string> _disks = [];

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Written data is in dom0's memory, which has no room for the disks of all tests.</summary>
    public Task DisposeAsync() => ThrowIfFailedAsync($"rm -f {string.Join(' ', _disks)}");

    [Fact]
    public async Task Every_sector_that_the_guest_writes_dom0_reads_and_the_other_way_round()
    {
        string written = await CreateDiskAsync();
        string prepared = await CreateDiskAsync();
        await ThrowIfFailedAsync($"cp {SharePattern(seed: 2)} {prepared}");
        await using BlockGuest guest = await BlockGuest.StartAsync(
            world, GuestConfig.RawDisk(written, "xvda"), GuestConfig.RawDisk(prepared, "xvdb"));
        Assert.StartsWith("xvda: 4194304 bytes in sectors of 512 flush True", await guest.DoAsync("show xvda"), StringComparison.Ordinal);
        Assert.Equal("ok", await guest.DoAsync("fill xvda 1"));
        Assert.Equal("ok", await guest.DoAsync("check xvdb 2"));
        await guest.Dom0Async($"cmp {SharePattern(seed: 1)} {written}");
        Assert.Equal("ok", await guest.DoAsync("check xvda 1"));
        await guest.Guest.DetachDiskAsync("xvda");
        await guest.SeesAsync("bus vbd/51712: departed");
        await guest.Guest.DetachDiskAsync("xvdb");
        await guest.SeesAsync("bus vbd/51728: departed");
        await guest.EndAsync(isUnplugged: true);
    }

    [Fact]
    public async Task Two_thousand_random_operations_read_what_was_written_last()
    {
        await using BlockGuest guest = await BlockGuest.StartAsync(world, GuestConfig.RawDisk(await CreateDiskAsync(), "xvda"));
        Assert.Equal("ok", await guest.DoAsync("random xvda 2000 7"));
        await guest.EndAsync();
    }

    [Fact]
    public async Task A_flush_and_a_discard_reach_the_disk()
    {
        string disk = await CreateDiskAsync();
        await using BlockGuest guest = await BlockGuest.StartAsync(world, GuestConfig.RawDisk(disk, "xvda"));
        Assert.Contains("discard True", await guest.DoAsync("show xvda"), StringComparison.Ordinal);
        Assert.Equal("ok", await guest.DoAsync("fill xvda 3"));
        Assert.Equal("ok", await guest.DoAsync("flush xvda"));
        int before = await UsedKiBAsync(guest, disk);
        Assert.Equal("ok", await guest.DoAsync("discard xvda 1048576 2097152"));
        Assert.Equal("ok", await guest.DoAsync("zeros xvda 1048576 2097152"));
        Assert.Equal("no", await guest.DoAsync("zeros xvda 0 1048576"));
        Assert.InRange(before - await UsedKiBAsync(guest, disk), 2000, 2100);
        await guest.EndAsync();
    }

    [Fact]
    public async Task A_read_only_disk_refuses_a_write_before_it_is_sent_and_is_read()
    {
        string disk = await CreateDiskAsync();
        await ThrowIfFailedAsync($"cp {SharePattern(seed: 2)} {disk}");
        await using BlockGuest guest = await BlockGuest.StartAsync(
            world, GuestConfig.RawDisk(disk, "xvda").Replace("access=rw", "access=ro", StringComparison.Ordinal));
        Assert.Contains("read-only", await guest.DoAsync("show xvda"), StringComparison.Ordinal);
        Assert.Equal("UnauthorizedAccessException: xvda is read-only.", await guest.DoAsync("write xvda 0"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 2"));
        await guest.EndAsync();
    }

    [Fact]
    public async Task A_disk_that_grows_in_dom0_grows_in_the_guest()
    {
        string disk = await CreateDiskAsync();
        await using BlockGuest guest = await BlockGuest.StartAsync(world, GuestConfig.RawDisk(disk, "xvda"));
        Assert.Equal("ok", await guest.DoAsync("fill xvda 1"));
        await guest.Dom0Async($"truncate -s 6M {disk}; losetup -c $(losetup -a | grep '{disk}$' | cut -d: -f1)");
        Assert.Equal("6291456", await guest.DoAsync("grows xvda 6291456"));
        Assert.Equal("ok", await guest.DoAsync("fill xvda 2"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 2"));
        await guest.EndAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_disk_unplugged_in_the_middle_of_its_work_ends_it_with_the_right_error_and_leaves_nothing(bool force)
    {
        await using BlockGuest guest = await BlockGuest.StartAsync(world);
        await PlugBusyAsync(world, guest, force);
        await guest.EndAsync(isUnplugged: true);
    }

    [Fact]
    public async Task A_disk_in_use_stays_until_it_is_released_and_the_error_node_says_so()
    {
        await using BlockGuest guest = await BlockGuest.StartAsync(world, GuestConfig.RawDisk(await CreateDiskAsync(), "xvda"));
        Assert.Equal("ok", await guest.DoAsync("hold xvda"));
        await guest.Dom0Async(
            "xenstore-write /local/domain/0/backend/vbd/$id/51712/online 0 /local/domain/0/backend/vbd/$id/51712/state 5");
        await guest.SeesAsync("xvda is in use");
        await guest.HasErrorAsync("vbd/51712", "xvda is in use");
        Assert.Equal("ok", await guest.DoAsync("fill xvda 5"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 5"));
        Assert.Equal("ok", await guest.DoAsync("release xvda"));
        await guest.SeesAsync("bus vbd/51712: Connected -> Closed");
        await guest.EndAsync();
    }

    [Fact]
    public async Task Several_disks_work_at_once()
    {
        string[] disks = new string[4];
        for (int i = 0; i < disks.Length; i++)
        {
            disks[i] = GuestConfig.RawDisk(await CreateDiskAsync(), $"xvd{(char)('a' + i)}");
        }

        await using BlockGuest guest = await BlockGuest.StartAsync(world, disks);
        foreach (char letter in "bcd")
        {
            Assert.Equal("ok", await guest.DoAsync($"busy xvd{letter}"));
        }

        Assert.Equal("ok", await guest.DoAsync("random xvda 300 11"));
        await guest.EndAsync();
    }

    /// <summary>Plugs a disk, unplugs it while the guest reads and writes, and waits until nothing is left of it.</summary>
    internal static async Task PlugBusyAsync(XenWorld world, BlockGuest guest, bool force)
    {
        string disk = await world.Machine.CreateDiskAsync(SizeMiB);
        await guest.Guest.AttachDiskAsync(GuestConfig.RawDisk(disk, "xvdb"));
        await guest.SeesAsync("bus vbd/51728: Initialised -> Connected");
        Assert.Equal("ok", await guest.DoAsync("busy xvdb"));
        await guest.Guest.DetachDiskAsync("xvdb", force);

        // A disk removed by force departs before its users have reported their errors.
        await guest.SeesAllAsync(
        [
            "bus vbd/51728: departed",
            .. Enumerable.Range(0, 4).Select(
                worker => $"worker {worker} of xvdb did some and ended: BlockDeviceGoneException: xvdb is gone: "),
        ]);
        await guest.Dom0Async($"rm -f {disk}");
    }

    private async Task<string> CreateDiskAsync()
    {
        _disks.Add(await world.Machine.CreateDiskAsync(SizeMiB));
        return _disks[^1];
    }

    private string SharePattern(int seed) => world.SharePattern(seed, SizeMiB);

    private static async Task<int> UsedKiBAsync(BlockGuest guest, string path) =>
        int.Parse(await guest.Dom0Async($"du -k {path} | cut -f1"), CultureInfo.InvariantCulture);

    private async Task ThrowIfFailedAsync(string script) => (await world.Machine.RunInDom0Async(script, World.Limit)).ThrowIfFailed(script);
}

/// <summary>The same at length. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(UnderXen.Name)]
public sealed class BlockSoakTests(XenWorld world)
{
    [Fact]
    public async Task Two_hundred_disks_are_plugged_worked_on_and_unplugged_and_nothing_is_left_of_them()
    {
        await using BlockGuest guest = await BlockGuest.StartAsync(world);
        for (int i = 0; i < 200; i++)
        {
            await BlockTests.PlugBusyAsync(world, guest, force: i % 4 == 3);
        }

        await guest.EndAsync(isUnplugged: true);
    }
}
