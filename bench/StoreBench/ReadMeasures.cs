using System.Diagnostics;
using System.Globalization;
using Xenlet.GuestBench;
using Xenlet.XenStoreRing;

namespace Xenlet.StoreBench;

/// <summary>Reads of one node into memory of the caller's.</summary>
internal static class ReadMeasures
{
    /// <summary>As many as xenstored takes at once.</summary>
    private const int InFlight = 20;

    /// <summary>Few, because in QEMU's emulation one read takes tens of milliseconds.</summary>
    private const int Counted = 300;

    public static async Task RunAsync(XenStoreClient store, string node)
    {
        // The value is what it is read for; and this is the warming up.
        Console.WriteLine($"{node} is \"{await store.ReadAsync(node)}\"");
        await OneAtATimeAsync(store, node, Counted);
        await ManyAsync(store, node, Counted);
        Rounds.Report("one", operations => Timed(() => OneAtATimeAsync(store, node, operations)));
        Rounds.Report("many", operations => Timed(() => ManyAsync(store, node, operations)));
        await ReportBytesAsync("bytes-one", reads => OneAtATimeAsync(store, node, reads));
        await ReportBytesAsync("bytes-many", reads => ManyAsync(store, node, reads));
        long[] times = new long[Counted];
        byte[] buffer = new byte[XenStoreLimits.MaxPayload];
        for (int i = 0; i < times.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await store.ReadAsync(node, buffer);
            times[i] = Stopwatch.GetTimestamp() - start;
        }

        Latency.Report(times);
    }

    private static async Task OneAtATimeAsync(XenStoreClient store, string node, long reads)
    {
        byte[] buffer = new byte[XenStoreLimits.MaxPayload];
        for (long i = 0; i < reads; i++)
        {
            await store.ReadAsync(node, buffer).ConfigureAwait(false);
        }
    }

    private static Task ManyAsync(XenStoreClient store, string node, long reads) =>
        Task.WhenAll(Enumerable.Range(0, InFlight).Select(i => OneAtATimeAsync(store, node, (reads + InFlight - 1 - i) / InFlight)));

    private static TimeSpan Timed(Func<Task> work)
    {
        long start = Stopwatch.GetTimestamp();
        work().GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>
    /// Bytes of garbage a read, without what the callers need to start: those of twice as many reads less those of the reads.
    /// </summary>
    private static async Task ReportBytesAsync(string name, Func<long, Task> reads)
    {
        long start = GC.GetTotalAllocatedBytes(precise: true);
        await reads(Counted);
        long once = GC.GetTotalAllocatedBytes(precise: true);
        await reads(2 * Counted);
        long each = GC.GetTotalAllocatedBytes(precise: true) - once - (once - start);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"measured {name} {Math.Max(each, 0) / (double)Counted:F3}"));
    }
}

/// <summary>Single times.</summary>
internal static class Latency
{
    /// <summary>Writes nanoseconds: the middle one and the one that a twentieth exceeds.</summary>
    public static void Report(long[] times)
    {
        Array.Sort(times);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"measured median {Nanoseconds(times[times.Length / 2]):F0}"));
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"measured percentile-95 {Nanoseconds(times[times.Length * 95 / 100]):F0}"));
    }

    private static double Nanoseconds(long ticks) => ticks * 1e9 / Stopwatch.Frequency;
}
