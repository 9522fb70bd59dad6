using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>samples/Ping answers the ping of dom0's Linux through netback and a bridge.</summary>
[Collection(DriversUnderXen.Name)]
public class PingTests(XenWorld world)
{
    /// <summary>
    /// Data bytes of pings that are one frame each, up to the MTU's 1472 (1452 of IPv6), and of some that are fragments, up to the most
    /// that there can be.
    /// </summary>
    private static readonly int[] Sizes = [.. Enumerable.Range(0, 24).Select(i => 56 + (i * 59)), 1451, 1452];
    private static readonly int[] FragmentedSizes = [1473, 2000, 4096, 16000, 65507];

    [Fact]
    public async Task Pings_of_all_sizes_whole_and_in_fragments_are_answered_in_both_protocols()
    {
        await using PingGuest guest = await PingGuest.StartAsync(world);
        int[] sizes = [.. Sizes, 1471, 1472, .. FragmentedSizes];
        await guest.PingAsync("ping", PingGuest.Ipv4, sizes);
        int[] sizes6 = [.. Sizes, .. FragmentedSizes.Where(size => size < 65507), 65487];
        await guest.PingAsync("ping6", PingGuest.Ipv6, sizes6);
        EndedGuest ended = await guest.EndAsync();
        Assert.Contains(ended.Lines, line => line.Contains($"{sizes.Length} echoes", StringComparison.Ordinal) && line.Contains(
            $"{sizes6.Length} IPv6 echoes", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Saved_restored_and_migrated_while_dom0_pings_it_answers_again()
    {
        await using PingGuest guest = await PingGuest.StartAsync(world);
        string file = XenMachine.SavePath(guest.Guest.Name);
        await guest.StartEndlessAsync();
        await guest.IsAnsweredAsync();
        await guest.Guest.SaveAsync(file, World.Limit);
        await guest.GoOnAsAsync(await world.Machine.RestoreGuestAsync(guest.Guest.Name, file));
        await guest.IsAnsweredAsync();
        await guest.Guest.CheckpointAsync(file, World.Limit);
        await guest.IsAnsweredAsync();
        await guest.Dom0Async($"rm {file}");
        await guest.GoOnAsAsync(await guest.Guest.MigrateAsync());
        await guest.IsAnsweredAsync();
        await guest.StopEndlessAsync();
        EndedGuest ended = await guest.EndAsync();
        Assert.Contains(ended.Lines, line => line.EndsWith(", connections 3", StringComparison.Ordinal));
    }
}
