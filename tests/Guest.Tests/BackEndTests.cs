using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>Disks that a Xenlet serves, to another Xenlet and to dom0's Linux, with libxl as the tool stack of both.</summary>
[Collection(UnderXen.Name)]
public sealed class BackEndTests(XenWorld world)
{
    [Fact]
    public async Task A_Xenlet_serves_a_disk_to_another_and_both_let_go_of_everything_when_it_is_detached()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(world);
        await using BlockGuest guest = await BlockGuest.StartAsync(world, server.Disk("one", "xvda"));
        Assert.StartsWith("xvda: 16777216 bytes in sectors of 512 flush True", await guest.DoAsync("show xvda"), StringComparison.Ordinal);
        Assert.Equal("ok", await guest.DoAsync("fill xvda 1"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 1"));
        Assert.Equal("ok", await guest.DoAsync("discard xvda 4194304 8388608"));
        Assert.Equal("ok", await guest.DoAsync("zeros xvda 4194304 8388608"));
        Assert.Equal("ok", await guest.DoAsync("random xvda 300 7"));
        Assert.Equal("ok", await guest.DoAsync("flush xvda"));
        await guest.Guest.DetachDiskAsync("xvda");
        await guest.SeesAsync("bus vbd/51712: departed");
        Assert.Equal("", await guest.Dom0Async("xenstore-ls /libxl/$id/device 2>/dev/null | grep vbd/ || true"));
        Assert.Equal("", await server.Dom0Async($"xenstore-ls $home/backend/vbd/{guest.Id} || true"));
        await server.MappedAsync("0 pages, 0 stuck");
        await guest.EndAsync(isUnplugged: true);
        await server.EndAsync();
    }

    /// <summary>Linux's front end is dom0's own, by <c>xl block-attach 0</c>.</summary>
    [Fact]
    public async Task A_Xenlet_serves_a_disk_to_Linux_which_reads_what_it_wrote_and_detaches_it()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(world);
        string module = await world.Machine.CopyProgramAsync(world.Machine.Image.GuestModuleFiles("xen-blkfront")[^1]);
        string said = await server.Dom0Async(
            $"""
            test -d /sys/module/xen_blkfront || insmod {module}
            xl block-attach 0 '{server.Disk("linux", "xvdz")}'
            until [ -b /dev/xvdz ]; do usleep 100000; done
            cat /sys/block/xvdz/size
            head -c 4194304 /dev/urandom > /tmp/written
            dd if=/tmp/written of=/dev/xvdz bs=64k conv=fsync 2> /dev/null
            echo 3 > /proc/sys/vm/drop_caches
            dd if=/dev/xvdz bs=64k count=64 2> /dev/null | cmp - /tmp/written && echo equal
            rm /tmp/written
            xl block-detach 0 xvdz
            ls /sys/block | grep xvdz || echo gone
            """);
        Assert.Equal("32768\nequal\ngone", said);
        Assert.Equal("", await server.Dom0Async("xenstore-ls $home/backend/vbd/0 || true"));
        await server.MappedAsync("0 pages, 0 stuck");
        await server.EndAsync();
    }
}
