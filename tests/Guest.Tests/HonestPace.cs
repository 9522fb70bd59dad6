using System.Globalization;
using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>
/// What the honest disk does while another back end lies, against what it does while one uses as much of dom0's processor and leaves
/// the guest alone. Both are measured in the same boot, the same way and, where it is close, in turn: so whatever else the machine does
/// falls on both, and only their ratio counts.
/// </summary>
internal sealed class HonestPace(HostileGuest guest, TimeSpan time, ITestOutputHelper output)
{
    // Other work of the machine makes one of two measures half of the other now and then, but not the sum of many.
    private const int Rounds = 10;

    private double _best;

    /// <summary>Measures beside a peer that does not attack the guest.</summary>
    public async Task<double> MeasureAsync(string kind)
    {
        await guest.RunPeerAsync(kind, "busy", time);
        HostileReport report = await guest.ReportAsync();
        output.WriteLine($"{kind} busy: {report}");
        _best = Math.Max(_best, report.Rate);
        return report.Rate;
    }

    /// <summary>Fails unless the disk has kept half its pace.</summary>
    /// <param name="kind">The kind of the hostile peer.</param>
    /// <param name="behaviour">Its behaviour.</param>
    /// <param name="rate">Operations of the honest disk in a second meanwhile.</param>
    /// <param name="again">Repeats the attack, and returns the rate.</param>
    public async Task AssertKeptAsync(string kind, string behaviour, double rate, Func<Task<double>> again)
    {
        double alone = _best;
        double beside = rate;
        for (int round = 0; beside < alone / 2; round++)
        {
            if (round == Rounds)
            {
                Assert.Fail(string.Create(
                    CultureInfo.InvariantCulture,
                    $"the honest disk did {beside / Rounds:0.0} operations a second beside a {kind} that did \"{behaviour}\", "
                    + $"and {alone / Rounds:0.0} beside one that left the guest alone"));
            }

            // The best rate of all says nothing about this moment.
            (alone, beside) = round == 0 ? (0, 0) : (alone, beside);
            alone += await MeasureAsync(kind);
            beside += await again();
        }
    }
}
