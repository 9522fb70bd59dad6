using System.Globalization;
using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>A guest's report on a period with hostile peers.</summary>
/// <param name="Gap">The longest time between two beats of its thread, in milliseconds.</param>
/// <param name="PoolGap">The same of its thread pool.</param>
/// <param name="Rate">Operations of the honest disk in a second.</param>
/// <param name="Answers">Frames that dom0 sent over the honest interface because it was asked.</param>
/// <param name="Others">Operations of the other devices that succeeded.</param>
/// <param name="Failures">Operations of the other disks that failed.</param>
/// <param name="Held">Pages that back ends have not unmapped.</param>
/// <param name="Grants">Grant references in use.</param>
/// <param name="Free">Pages that can be promised to the program.</param>
/// <param name="Problem">What is wrong with the honest devices.</param>
internal sealed record HostileReport(
    long Gap, long PoolGap, double Rate, long Answers, long Others, long Failures, long Held, long Grants, long Free, string Problem)
{
    private const long LongestGap = 2000;
    private const int Rounds = 5;

    // Of the collector's heap and of the pool's threads.
    private const long Fluctuation = 64;

    public static HostileReport Parse(string line)
    {
        int end = line.IndexOf(" problem=", StringComparison.Ordinal);
        Dictionary<string, string> values = line[..end].Split(' ').Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        double rate = double.Parse(values["rate"], CultureInfo.InvariantCulture);
        return new(
            Whole("gap"), Whole("pool"), rate, Whole("answers"), Whole("others"), Whole("failures"), Whole("held"), Whole("grants"),
            Whole("free"), line[(end + " problem=".Length)..]);

        long Whole(string name) => long.Parse(values[name], CultureInfo.InvariantCulture);
    }

    private bool HasGap => Gap > LongestGap || PoolGap > LongestGap;

    /// <summary>
    /// Fails unless the guest lived, and its honest devices worked on. A machine that others use stands still now and then, and the guest
    /// with it: only a gap that comes again and again is what the peer does.
    /// </summary>
    /// <param name="guest">The guest.</param>
    /// <param name="when">What the peer does.</param>
    /// <param name="output">Where each report is shown.</param>
    /// <param name="lieAsync">Has the peer do so, and returns what it said.</param>
    /// <returns>The last report, and what the peer said last.</returns>
    public static async Task<(HostileReport Report, string Said)> UnharmedAsync(
        HostileGuest guest, string when, ITestOutputHelper output, Func<Task<string>> lieAsync)
    {
        for (int round = 1; ; round++)
        {
            string said = await lieAsync();
            HostileReport report = await guest.ReportAsync();
            output.WriteLine($"{when}: {report} {said}");
            if (!report.HasGap || round == Rounds)
            {
                report.AssertUnharmed(when);
                return (report, said);
            }
        }
    }

    private void AssertUnharmed(string when)
    {
        Assert.True(Problem == "none", $"{when}: {Problem}");
        Assert.False(HasGap, $"{when}: a gap of {Gap} ms in the heart's beats, {PoolGap} ms in the thread pool's");
        Assert.True(Rate > 0, $"{when}: the honest disk does nothing");
        Assert.True(Answers > 0, $"{when}: nothing comes over the honest interface");
    }

    /// <summary>Whether nothing is held, and grants and memory are what they were.</summary>
    public bool HasAllOf(HostileReport before) => Held == 0 && Grants == before.Grants && Free >= before.Free - Fluctuation;
}
