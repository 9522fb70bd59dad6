using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Xenlet.GuestBench;

/// <summary>System calls that have something to look up and nothing to do.</summary>
internal static unsafe class ShortCalls
{
    /// <summary>Writes of no bytes to a pipe.</summary>
    public static TimeSpan WriteNothing(long operations)
    {
        int* ends = stackalloc int[2];
        if (NativeMethods.MakePipe(ends, 0) != 0)
        {
            throw new InvalidOperationException($"pipe2 failed with errno {Marshal.GetLastSystemError()}.");
        }

        byte nothing = 0;
        long start = Stopwatch.GetTimestamp();
        for (long i = 0; i < operations; i++)
        {
            _ = NativeMethods.Write(ends[1], &nothing, 0);
        }

        TimeSpan time = Stopwatch.GetElapsedTime(start);
        _ = NativeMethods.Close(ends[0]);
        _ = NativeMethods.Close(ends[1]);
        return time;
    }

    /// <summary>Wake-ups by a futex that no thread waits for.</summary>
    public static TimeSpan WakeNobody(long operations)
    {
        int word = 0;
        long start = Stopwatch.GetTimestamp();
        for (long i = 0; i < operations; i++)
        {
            NativeMethods.FutexWakeNobody(&word);
        }

        return Stopwatch.GetElapsedTime(start);
    }
}
