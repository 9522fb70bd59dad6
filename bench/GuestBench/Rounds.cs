using System.Diagnostics;
using System.Globalization;

namespace Xenlet.GuestBench;

/// <summary>Repeats a piece of work often enough for the clock, and again for several rounds.</summary>
internal static class Rounds
{
    private const int Count = 3;
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

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
    public static void Report(string name, Action<long> work) => Report(
        name,
        operations =>
        {
            long start = Stopwatch.GetTimestamp();
            work(operations);
            return Stopwatch.GetElapsedTime(start);
        });
}
