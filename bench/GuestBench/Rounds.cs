using System.Diagnostics;
using System.Globalization;

namespace Xenlet.GuestBench;

/// <summary>Repeats a piece of work often enough for the clock, and again for several rounds.</summary>
internal static class Rounds
{
    private const int Count = 3;
    private const int Batches = 400;
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ShortestBatch = Shortest / Batches;

    /// <summary>Measures and writes one line: the name, then the nanoseconds of one operation in each round.</summary>
    /// <param name="name">What is measured, one word.</param>
    /// <param name="run">Does as many operations as it is told and returns the time they took.</param>
    public static void Report(string name, Func<long, TimeSpan> run)
    {
        long operations = 1;
        for (TimeSpan time = run(operations); time < Shortest; time = run(operations))
        {
            operations *= time * 8 < Shortest ? 8 : 2;
        }

        Console.Write($"measured {name}");
        for (int round = 0; round < Count; round++)
        {
            double each = run(operations).TotalNanoseconds / operations;
            Console.Write(string.Create(CultureInfo.InvariantCulture, $" {each:F1}"));
        }

        Console.WriteLine();
    }

    /// <summary>The same for work that needs nothing before the clock starts.</summary>
    public static void Report(string name, Action<long> work) => Report(name, operations => Time(work, operations));

    /// <summary>
    /// The same for work of nanoseconds. A round is many batches of a quarter of a millisecond, and its figure the median one: what else
    /// the host runs takes the processor away for longer, and falls into few of them.
    /// </summary>
    public static void ReportShort(string name, Action<long> work)
    {
        long operations = 1;
        while (Enumerable.Range(0, 5).Min(_ => Time(work, operations)) < ShortestBatch)
        {
            operations *= 2;
        }

        Console.Write($"measured {name}");
        double[] batches = new double[Batches];
        for (int round = 0; round < Count; round++)
        {
            for (int i = 0; i < Batches; i++)
            {
                batches[i] = Time(work, operations).TotalNanoseconds / operations;
            }

            Array.Sort(batches);
            Console.Write(string.Create(CultureInfo.InvariantCulture, $" {batches[Batches / 2]:F1}"));
        }

        Console.WriteLine();
    }

    private static TimeSpan Time(Action<long> work, long operations)
    {
        long start = Stopwatch.GetTimestamp();
        work(operations);
        return Stopwatch.GetElapsedTime(start);
    }
}
