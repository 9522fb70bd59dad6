using Xenlet.GuestImage;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

[Collection(OnTwoProcessors.Name)]
public sealed class SharedCaseTestsOnTwoProcessors(TwoProcessorWorld world) : SharedCaseTests(world)
{
    [Fact]
    public async Task Disk()
    {
        string disk = await world.Machine.CreateDiskAsync(16);
        for (int i = 0; i < 5; i++)
        {
            await using BlockGuest guest = await BlockGuest.StartAsync(world, GuestConfig.RawDisk(disk, "xvda"));
            Assert.Equal("ok", await guest.DoAsync("fill xvda 1"));
            Assert.Equal("ok", await guest.DoAsync("check xvda 1"));
            Assert.Equal("ok", await guest.DoAsync("random xvda 2000 7"));
            await guest.EndAsync();
        }
    }
}
