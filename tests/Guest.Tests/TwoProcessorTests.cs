using Xenlet.GuestImage;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// xenstore, events, disks, interfaces and suspends while the guest and dom0 run at the same time. On one processor the two ends of a ring
/// take turns, so that neither ever sees the other in the middle of something.
/// </summary>
[Collection(OnTwoProcessors.Name)]
public sealed class TwoProcessorTests(TwoProcessorWorld world)
{
    /// <summary>The cases of events, grants, pages and of the ring page of xenstore.</summary>
    private static readonly string[] KernelCases = [.. CaseTable.All.Where(entry => entry.Subject == "kernel").Select(entry => entry.Name)];

    [Fact]
    public async Task Events_are_signalled_and_grants_made_while_dom0_runs()
    {
        EndedGuest guest = (await world.RunCaseAsync("subject:kernel")).AssertExited(0);
        Assert.Equal(
            KernelCases.Select(name => $"case {name}: ok"), guest.Lines.Where(line => line.StartsWith("case ", StringComparison.Ordinal)));
    }

    [Fact]
    public Task A_guest_reads_writes_watches_and_transacts_while_xenstored_runs() =>
        new XenStoreTests(world).A_guest_reads_writes_watches_transacts_and_lists_with_dom0_at_the_other_end();

    [Fact]
    public async Task A_disk_is_written_and_read_while_its_back_end_runs()
    {
        string disk = await world.Machine.CreateDiskAsync(BlockTests.SizeMiB);
        await using BlockGuest guest = await BlockGuest.StartAsync(world, GuestConfig.RawDisk(disk, "xvda"));
        Assert.Equal("ok", await guest.DoAsync("fill xvda 1"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 1"));
        Assert.Equal("ok", await guest.DoAsync("random xvda 1000 7"));
        await guest.EndAsync();
    }

    [Fact]
    public Task Frames_go_both_ways_while_their_back_end_runs() =>
        new NetworkTests(world).A_thousand_frames_of_all_lengths_go_each_way_and_none_is_lost_or_changed();

    [Fact]
    public Task A_guest_in_the_middle_of_its_disks_work_is_saved_and_restored() =>
        BlockLifeCycleTests.RunAsync(world, work => work.SaveAndRestoreAsync());
}

/// <summary>All that can share a boot, and disks, interfaces and suspends at length. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(OnTwoProcessors.Name)]
public sealed class TwoProcessorSoakTests(TwoProcessorWorld world) : SharedCaseTests(world)
{
    [Fact]
    public async Task A_disk_is_written_and_read_ten_times_while_its_back_end_runs()
    {
        TwoProcessorTests tests = new(world);
        for (int round = 0; round < 10; round++)
        {
            await tests.A_disk_is_written_and_read_while_its_back_end_runs();
        }
    }

    [Fact]
    public async Task In_three_rounds_of_all_that_can_happen_to_it_a_guest_loses_no_operation() =>
        await BlockLifeCycleTests.RunAsync(world, async work =>
    {
        for (int round = 0; round < 3; round++)
        {
            await work.SaveAndRestoreAsync();
            await work.CheckpointAsync();
            await work.MigrateAsync();
            await work.FailToSaveAsync();
        }
    });

    [Fact]
    public Task An_interface_goes_and_comes_while_its_back_end_runs() =>
        new NetworkTests(world).An_interface_is_unplugged_and_plugged_while_traffic_runs();
}
