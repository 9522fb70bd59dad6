using System.Globalization;

namespace Xenlet.Guest.Tests;

/// <summary>What a guest says of a time with hostile peers.</summary>
/// <param name="Gap">The longest time between two beats of its thread, in milliseconds.</param>
/// <param name="PoolGap">The same of its thread pool.</param>
/// <param name="Rate">Operations of the honest disk in a second.</param>
/// <param name="Others">Operations of the other devices that succeeded.</param>
/// <param name="Failures">Operations of the other disks that failed.</param>
/// <param name="Held">Pages that back ends have not let go.</param>
/// <param name="Grants">Grant references in use.</param>
/// <param name="Free">Pages that can be promised to the program.</param>
/// <param name="Problem">What is wrong with the honest disk.</param>
internal sealed record HostileReport(long Gap, long PoolGap, double Rate, long Others, long Failures, long Held, long Grants, long Free, string Problem)
{
    private const long LongestGap = 2000;

    // Of the collector's heap and of the pool's threads.
    private const long Fluctuation = 64;

    public static HostileReport Parse(string line)
    {
        int end = line.IndexOf(" problem=", StringComparison.Ordinal);
        Dictionary<string, string> values = line[..end].Split(' ').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        return new(
            Whole("gap"), Whole("pool"), double.Parse(values["rate"], CultureInfo.InvariantCulture), Whole("others"), Whole("failures"), Whole("held"),
            Whole("grants"), Whole("free"), line[(end + " problem=".Length)..]);

        long Whole(string name) => long.Parse(values[name], CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Fails unless the guest lived, and its honest disk worked on. Its pace is compared in long times only: in short ones it says more of
    /// the machine's other work than of the guest.
    /// </summary>
    public void AssertUnharmed(TimeSpan time, string when, HostileReport quiet)
    {
        Assert.True(Problem == "none", $"{when}: {Problem}");
        Assert.True(Gap <= LongestGap && PoolGap <= LongestGap, $"{when}: a gap of {Gap} ms in the heart's beats, {PoolGap} ms in the thread pool's");
        Assert.True(Rate > (time >= TimeSpan.FromSeconds(10) ? quiet.Rate / 2 : 0), $"{when}: the honest disk did {Rate} operations a second, and {quiet.Rate} before");
    }

    /// <summary>Whether nothing is held, and grants and memory are what they were.</summary>
    public bool HasAllOf(HostileReport before) => Held == 0 && Grants == before.Grants && Free >= before.Free - Fluctuation;
}
