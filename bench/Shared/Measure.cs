using System.Diagnostics;
using System.Globalization;

namespace Xenlet.BenchPrograms;

/// <summary>Measures a piece of work, and writes figures as lines "measured NAME.FIGURE VALUE".</summary>
internal static class Measure
{
    /// <summary>Reports time, garbage, and all that <see cref="Counters"/> has, for one operation.</summary>
    /// <param name="name">What the work is called.</param>
    /// <param name="runAsync">Does it, and says how many operations it was.</param>
    public static async Task RunAsync(string name, Func<Task<int>> runAsync)
    {
        // Reading the counters makes garbage itself.
        Counters before = Counters.Read();
        long garbage = GC.GetTotalAllocatedBytes(precise: true);
        int collections = GC.CollectionCount(0);
        TimeSpan pause = GC.GetTotalPauseDuration();
        long start = Stopwatch.GetTimestamp();
        int count = await runAsync();
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        pause = GC.GetTotalPauseDuration() - pause;
        collections = GC.CollectionCount(0) - collections;
        garbage = GC.GetTotalAllocatedBytes(precise: true) - garbage;
        Counters after = Counters.Read();
        Report(name, "time", time.TotalNanoseconds / count);
        Report(name, "garbage", (double)garbage / count);
        Report(name, "collections", 1000.0 * collections / count);
        Report(name, "pause", collections > 0 ? pause.TotalMicroseconds / collections : 0);
        foreach ((string what, double number) in after.Since(before))
        {
            Report(name, what, number / count);
        }
    }

    /// <summary>Reports what requests took: how many came back in a second, their median and 99th percentile in microseconds.</summary>
    /// <param name="name">What they are called.</param>
    /// <param name="whole">From the first one's start to the last one's end.</param>
    /// <param name="times">Microseconds of each, by connections.</param>
    public static void ReportRequests(string name, TimeSpan whole, double[][] times)
    {
        double[] sorted = [.. times.SelectMany(of => of).Order()];
        Report(name, "rate", sorted.Length / whole.TotalSeconds);
        Report(name, "median", sorted[sorted.Length / 2]);
        Report(name, "slow", sorted[sorted.Length * 99 / 100]);
    }

    /// <summary>Gives back what earlier work has left, which would hide what something else costs.</summary>
    public static void Collect()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    /// <summary>Writes one figure.</summary>
    public static void Report(string name, string what, double value) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"measured {name}.{what} {value:F3}"));
}
