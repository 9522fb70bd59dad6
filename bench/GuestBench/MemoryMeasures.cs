using System.Diagnostics;

namespace Xenlet.GuestBench;

/// <summary>What memory costs: fresh pages, objects, collections.</summary>
internal static unsafe class MemoryMeasures
{
    private const int PageSize = 4096;

    /// <summary>1 MiB: too little for the huge pages that Linux would take instead.</summary>
    private const int PagesAtOnce = 256;

    private const int LiveObjects = 100_000;

    private static object? s_last;

    /// <summary>The first write to a page that was only reserved so far.</summary>
    public static TimeSpan TouchPages(long pages)
    {
        TimeSpan time = TimeSpan.Zero;
        for (long left = pages; left > 0; left -= PagesAtOnce)
        {
            int now = (int)Math.Min(left, PagesAtOnce);

            byte* memory = NativeMethods.Map(PagesAtOnce * PageSize);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < now; i++)
            {
                memory[i * (long)PageSize] = 1;
            }

            time += Stopwatch.GetElapsedTime(start);
            _ = NativeMethods.Unmap(memory, PagesAtOnce * PageSize);
        }

        return time;
    }

    /// <summary>Short-lived objects of 128 bytes (13 words behind three of the runtime's), with the collections they cause.</summary>
    public static void Allocate(long objects)
    {
        for (long i = 0; i < objects; i++)
        {
            s_last = new long[13];
        }
    }

    /// <summary>Full collections with a list of 100,000 live objects of 32 bytes.</summary>
    public static TimeSpan Collect(long collections)
    {
        Node? list = null;
        for (int i = 0; i < LiveObjects; i++)
        {
            list = new Node(list, i);
        }

        GC.Collect();
        long start = Stopwatch.GetTimestamp();
        for (long i = 0; i < collections; i++)
        {
            GC.Collect();
        }

        TimeSpan time = Stopwatch.GetElapsedTime(start);
        GC.KeepAlive(list);
        return time;
    }

    private sealed record Node(Node? Next, long Value);
}
