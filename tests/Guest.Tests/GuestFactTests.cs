using Xunit.Sdk;

namespace Xenlet.Guest.Tests;

/// <summary>What <see cref="GuestFactAttribute"/> does with a test whose guest QEMU has failed.</summary>
public sealed class GuestFactTests
{
    private static readonly Dictionary<int, int> Runs = [];
    private static int s_runs;

    [GuestFact]
    public void A_test_is_run_again_after_the_panic_of_a_double_delivery() => FailFirst(ref s_runs);

    [GuestTheory]
    [InlineData(1)]
    [InlineData(2)]
    public void So_is_one_row_of_a_theory(int row)
    {
        int runs = Runs.GetValueOrDefault(row);
        try
        {
            FailFirst(ref runs);
        }
        finally
        {
            Runs[row] = runs;
        }
    }

    [Fact]
    public async Task No_guest_is_run_again_after_another_failure()
    {
        int runs = 0;
        string end = await World.UnlessEmulatorFailsAsync(() => Task.FromResult($"xenlet: panic: page fault in the nucleus, run {++runs}"), console => console);
        Assert.EndsWith("run 1", end, StringComparison.Ordinal);
    }

    private static void FailFirst(ref int runs)
    {
        if (++runs == 1)
        {
            throw new XunitException($"guest1 ended without writing \"ready\".\nxenlet: panic: vector 48 {World.DeliveredTwice}");
        }

        Assert.Equal(2, runs);
    }
}
