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
}
