using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A guest is saved, restored, migrated and checkpointed in the middle of its disk's work. It checks itself, against a model, that no
/// operation is lost, done out of place, or ended with an error, and that timers fire and no clock goes back.
/// </summary>
[Collection(UnderXen.Name)]
public sealed class BlockLifeCycleTests(XenWorld world)
{
    [Fact]
    public Task Saved_and_restored_three_times_in_a_row_a_guest_loses_no_operation() => RunAsync(world, async work =>
    {
        for (int round = 0; round < 3; round++)
        {
            await work.SaveAndRestoreAsync();
        }
    });

    [Fact]
    public Task Checkpointed_and_after_a_save_that_fails_a_guest_loses_no_operation() => RunAsync(world, async work =>
    {
        await work.CheckpointAsync();
        await work.FailToSaveAsync();
        await work.CheckpointAsync();
    });

    [Fact]
    public Task Migrated_twice_a_guest_loses_no_operation() => RunAsync(world, async work =>
    {
        await work.MigrateAsync();
        await work.MigrateAsync();
    });

    /// <summary>
    /// Starts the work, has things done to the guest, and ends the work: then the guest has compared its disk, and dom0 sees what it
    /// writes.
    /// </summary>
    internal static async Task RunAsync(XenWorld world, Func<WorkingBlockGuest, Task> happens)
    {
        string disk = await world.Machine.CreateDiskAsync(BlockTests.SizeMiB);
        await using WorkingBlockGuest work = await WorkingBlockGuest.StartAsync(world, GuestConfig.RawDisk(disk, "xvda"));
        await happens(work);
        await work.EndAsync();
        (await world.Machine.RunInDom0Async($"rm -f {disk}", World.Limit)).ThrowIfFailed("removing the disk");
    }
}

/// <summary>The same at length. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(UnderXen.Name)]
public sealed class BlockLifeCycleSoakTests(XenWorld world)
{
    [Fact]
    public Task In_ten_rounds_of_all_that_can_happen_to_it_a_guest_loses_no_operation() => BlockLifeCycleTests.RunAsync(world, async work =>
    {
        for (int round = 0; round < 10; round++)
        {
            await work.SaveAndRestoreAsync();
            await work.CheckpointAsync();
            await work.MigrateAsync();
            await work.FailToSaveAsync();
        }
    });
}
