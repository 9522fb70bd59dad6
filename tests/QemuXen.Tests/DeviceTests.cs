using System.Globalization;
using Xenlet.AssembledGuests;
using Xenlet.QemuXen.Commands;

namespace Xenlet.QemuXen.Tests;

[Collection(XenFixture.Collection)]
public sealed class DeviceTests(XenFixture fixture)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private XenMachine Xen => fixture.Machine;

    [Fact]
    public async Task Disks_and_an_interface_have_back_ends_in_dom0_and_what_was_plugged_goes_again()
    {
        string kernel = AssembledGuest.Build(guest => guest.Hang());
        try
        {
            await using XenGuest guest = await Xen.CreateGuestAsync(new()
            {
                Name = "devices",
                Kernel = kernel,
                MemoryMiB = 4,
                Disks = [GuestConfig.RawDisk(await Xen.CreateDiskAsync(4), "xvda")],
                Vifs = [""],
            });
            string id = guest.DomainId.ToString(CultureInfo.InvariantCulture);

            Assert.Equal("connected", await ReadAsync($"/local/domain/0/backend/vbd/{id}/51712/hotplug-status"));
            Assert.Equal("connected", await ReadAsync($"/local/domain/0/backend/vif/{id}/0/hotplug-status"));
            Assert.Equal($"vif{id}.0", (await Dom0Async("ls /sys/class/net/xenbr0/brif")).Trim());

            await guest.AttachDiskAsync(GuestConfig.RawDisk(await Xen.CreateDiskAsync(4), "xvdb"));
            Assert.Equal("51712\n51728\n", await Dom0Async($"xenstore-list /local/domain/{id}/device/vbd"));

            // The guest has no drivers that could release it.
            QemuXenException busy = await Assert.ThrowsAsync<QemuXenException>(() => guest.DetachDiskAsync("xvdb"));
            Assert.Contains("unable to remove", busy.Message, StringComparison.OrdinalIgnoreCase);
            await guest.DetachDiskAsync("xvdb", force: true);
            Assert.Equal("51712\n", await Dom0Async($"xenstore-list /local/domain/{id}/device/vbd"));
            await guest.DestroyAsync();
            // The kernel closes a file when its last user has.
            await Dom0Async("while losetup -a | grep -q /tmp/disk; do usleep 50000; done");
        }
        finally
        {
            File.Delete(kernel);
        }
    }

    [Fact]
    public async Task A_disk_whose_file_is_missing_is_refused_by_name()
    {
        string kernel = AssembledGuest.Build(guest => guest.Hang());
        try
        {
            QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(() => Xen.CreateGuestAsync(new()
            {
                Name = "no-disk",
                Kernel = kernel,
                MemoryMiB = 4,
                Disks = [GuestConfig.RawDisk("/tmp/not-there", "xvda")],
            }));

            Assert.Contains("/tmp/not-there", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(kernel);
        }
    }

    [Theory]
    [InlineData("xvda", 51712)]
    [InlineData("xvdb", 51728)]
    [InlineData("xvdz", 52112)]
    public void A_disk_has_its_number_in_xenstore(string name, int number) => Assert.Equal(number, HotPlugShow.DeviceNumber(name));

    private async Task<string> ReadAsync(string node) => (await Dom0Async($"xenstore-read {node}")).Trim();

    private async Task<string> Dom0Async(string command) => (await Xen.RunInDom0Async(command, Limit)).ThrowIfFailed(command).Output;
}
