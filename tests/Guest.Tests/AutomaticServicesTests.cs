using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Programs without a word of Xen (<c>wait</c> of tests/GuestWork, whose <c>XenletServices</c> is <c>devices</c>) live with their tool
/// stack.
/// </summary>
[Collection(DevicesUnderXen.Name)]
public sealed class AutomaticServicesTests(XenWorld world)
{
    private const string Disk = "vbd/51712";

    [Fact]
    public async Task A_program_that_blocks_all_its_threads_is_reported_saved_restored_migrated_and_ended_with_its_disk_connected()
    {
        string disk = await world.Machine.CreateDiskAsync(1);
        XenGuest guest = await StartAsync("blocked", GuestConfig.RawDisk(disk, "xvda"));
        try
        {
            string report = await ReportAsync(guest);
            Assert.Contains($"{Disk}  block  Connected", report, StringComparison.Ordinal);
            Assert.Contains("xenlet: report: threads", report, StringComparison.Ordinal);
            Assert.Contains("xenlet: report: memory", report, StringComparison.Ordinal);

            string file = XenMachine.SavePath(guest.Name);
            await guest.SaveAsync(file, World.Limit);
            await guest.DisposeAsync();
            guest = await world.Machine.RestoreGuestAsync(guest.Name, file);
            (await world.Machine.RunInDom0Async($"rm {file}", World.Limit)).ThrowIfFailed("removing the saved guest");
            await ReportAsync(guest);

            XenGuest target = await guest.MigrateAsync();
            await guest.DisposeAsync();
            guest = target;
            await ReportAsync(guest);

            await guest.ShutdownAsync();
            EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(143);
            Assert.Contains("process exit event", ended.Lines);
            Assert.DoesNotContain(ended.Lines, line => line.Contains("not closed", StringComparison.Ordinal));
        }
        finally
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_program_that_handles_SIGTERM_ends_in_order_with_its_own_status()
    {
        await using XenGuest guest = await StartAsync("handled");
        await guest.RebootAsync();
        EndedGuest ended = await EndedGuest.OfAsync(guest, World.Limit);
        Assert.Equal(new GuestEnd(GuestEndReason.Reboot, 5), ended.End);

        // Nothing of the services is on the console.
        Assert.Equal(["waiting", "asked to end", "process exit event", "xenlet: exit 5", ""], ended.Lines);
    }

    private async Task<XenGuest> StartAsync(string how, params string[] disks)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Work,
            MemoryMiB = 48,
            CommandLine = "wait " + how,
            Disks = disks,
        });
        await guest.WaitForTextAsync("waiting", World.Limit);
        return guest;
    }

    /// <summary>Has xl ask for the whole report when the disk is connected, and gives the console up to the report's end.</summary>
    private async Task<string> ReportAsync(XenGuest guest)
    {
        string connected = $"until [ \"$(xenstore-read /local/domain/{guest.DomainId}/device/{Disk}/state)\" = 4 ]; do usleep 300000; done";
        (await world.Machine.RunInDom0Async(connected, World.Limit)).ThrowIfFailed($"waiting until {guest.Name} has connected its disk");
        return await world.ReportAsync(guest, 'a');
    }
}
