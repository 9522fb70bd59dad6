using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A guest that is saved, restored, migrated and checkpointed by xl: it checks itself what it had open before, the test what dom0 sees.
/// </summary>
[Collection(UnderXen.Name)]
public partial class LifeCycleTests(XenWorld world)
{
    [Fact]
    public async Task A_guest_is_saved_and_restored_three_times_in_a_row()
    {
        XenGuest guest = await StartAsync();
        try
        {
            for (int round = 1; round <= 3; round++)
            {
                string file = XenMachine.SavePath(guest.Name);
                await guest.SaveAsync(file, World.Limit);
                // Its output from before the suspend may still be on its way.
                await guest.WaitForTextAsync($"suspending {Text(round)}\r\n", World.Limit);
                string said = guest.Console.Text;
                Assert.True(said.EndsWith($"suspending {Text(round)}\r\n", StringComparison.Ordinal), said);
                await guest.DisposeAsync();

                DateTime before = await world.NowAsync();
                guest = await world.Machine.RestoreGuestAsync(guest.Name, file);
                await Dom0Async($"rm {file}");
                await AssertGoesOnAsync(guest, "Resumed", round, before);
            }

            await ShutDownAsync(guest);
        }
        finally
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_guest_goes_on_after_a_checkpoint_and_can_be_restored_from_it_twice_with_other_random_numbers()
    {
        await using XenGuest guest = await StartAsync();
        string file = XenMachine.SavePath(guest.Name);
        DateTime before = await world.NowAsync();
        await guest.CheckpointAsync(file, World.Limit);
        await AssertGoesOnAsync(guest, "Cancelled", 1, before);
        await guest.CheckpointAsync(file, World.Limit);
        await AssertGoesOnAsync(guest, "Cancelled", 2, before);
        await ShutDownAsync(guest);
        await guest.DisposeAsync();

        string[] first = await RestoreAsync(guest.Name, file);
        string[] second = await RestoreAsync(guest.Name, file);
        await Dom0Async($"rm {file}");
        string[] equal = [.. first.Intersect(second)];
        Assert.True(equal.Length == 0, $"both guests of one image have drawn {string.Join(", ", equal)}");
    }

    [Fact]
    public async Task A_guest_goes_on_after_a_save_that_fails_on_a_full_disk()
    {
        await using XenGuest guest = await StartAsync();
        string directory = $"/tmp/full-{guest.Name}";
        await Dom0Async($"mkdir {directory} && mount -t tmpfs -o size=4M full {directory}");
        DateTime before = await world.NowAsync();
        for (int round = 1; round <= 2; round++)
        {
            await Assert.ThrowsAsync<QemuXenException>(() => guest.SaveAsync($"{directory}/state", World.Limit));
            await AssertGoesOnAsync(guest, "Cancelled", round, before);
        }

        await Dom0Async($"umount {directory}");
        await ShutDownAsync(guest);
    }

    [Fact]
    public async Task A_guest_is_migrated_twice_while_it_runs()
    {
        XenGuest guest = await StartAsync();
        try
        {
            for (int round = 1; round <= 2; round++)
            {
                DateTime before = await world.NowAsync();
                XenGuest target = await guest.MigrateAsync();
                Assert.NotEqual(guest.DomainId, target.DomainId);
                await guest.DisposeAsync();
                guest = target;
                await AssertGoesOnAsync(guest, "Resumed", round, before);
            }

            await ShutDownAsync(guest);
        }
        finally
        {
            await guest.DisposeAsync();
        }
    }

    private async Task<XenGuest> StartAsync()
    {
        XenGuest guest = (XenGuest)await world.StartCaseAsync("suspend", World.SavedMemory);
        await guest.WaitForTextAsync($"ready, domain {Text(guest.DomainId)}", World.Limit);
        return guest;
    }

    /// <summary>Waits for the guest's report of success, and compares its date with dom0's.</summary>
    private async Task AssertGoesOnAsync(XenGuest guest, string result, int round, DateTime before)
    {
        string words = $"{result} {Text(round)} in domain {Text(guest.DomainId)} at ";
        await guest.WaitForTextAsync(words, World.Limit);
        await guest.WaitForTextAsync("\n", World.Limit, guest.Console.Text.IndexOf(words, StringComparison.Ordinal));
        DateTime after = await world.NowAsync();
        Match match = Milliseconds().Match(guest.Console.Text[guest.Console.Text.IndexOf(words, StringComparison.Ordinal)..]);
        DateTime said = DateTime.UnixEpoch.AddMilliseconds(long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        Assert.InRange(said, before.AddSeconds(-2), after.AddSeconds(2));
    }

    private static async Task ShutDownAsync(XenGuest guest)
    {
        await guest.ShutdownAsync();
        (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
    }

    private async Task<string> Dom0Async(string command) => (await world.Machine.RunInDom0Async(command)).ThrowIfFailed(command).Output;

    /// <summary>Restores a guest that was saved in its second round, and ends it.</summary>
    /// <returns>The random numbers that it has drawn as the first thing.</returns>
    private async Task<string[]> RestoreAsync(string name, string file)
    {
        DateTime before = await world.NowAsync();
        await using XenGuest restored = await world.Machine.RestoreGuestAsync(name, file);
        await AssertGoesOnAsync(restored, "Resumed", 2, before);
        string[] numbers = Drawn().Match(restored.Console.Text).Groups[1].Value.Split(' ');
        Assert.Equal(32, numbers.Distinct().Count());
        await ShutDownAsync(restored);
        return numbers;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("drew ([0-9A-F ]+)\r?\n")]
    private static partial Regex Drawn();

    [GeneratedRegex(" at ([0-9]+)\r?\n")]
    private static partial Regex Milliseconds();
}
