using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Xenlet.GuestBench;

/// <summary>Two threads that hand the processor to each other, by three means. One operation is one hand-over.</summary>
internal static unsafe class ThreadMeasures
{
    private static int s_turn;

    /// <summary>By sched_yield alone: both threads are always ready to run.</summary>
    public static TimeSpan Yield(long operations)
    {
        Volatile.Write(ref s_turn, 0);
        return BetweenTwo(operations, () => YieldUntil(0, 1), () => YieldUntil(1, 0));
    }

    /// <summary>By .NET's semaphores, each waiting for its own.</summary>
    public static TimeSpan Semaphore(long operations)
    {
        using SemaphoreSlim first = new(0);
        using SemaphoreSlim second = new(0);
        return BetweenTwo(
            operations,
            () =>
            {
                second.Release();
                first.Wait();
            },
            () =>
            {
                second.Wait();
                first.Release();
            });
    }

    /// <summary>By the futex system call itself: each hand-over is one wake-up and one wait.</summary>
    public static TimeSpan Futex(long operations)
    {
        int* words = (int*)NativeMemory.AllocZeroed(2, sizeof(int));
        try
        {
            return BetweenTwo(
                operations,
                () =>
                {
                    Post(words + 1);
                    WaitFor(words);
                },
                () =>
                {
                    WaitFor(words + 1);
                    Post(words);
                });
        }
        finally
        {
            NativeMemory.Free(words);
        }
    }

    private static void YieldUntil(int turn, int next)
    {
        if (turn == 0)
        {
            Volatile.Write(ref s_turn, next);
        }

        while (Volatile.Read(ref s_turn) != turn)
        {
            _ = NativeMethods.Yield();
        }

        if (turn == 1)
        {
            Volatile.Write(ref s_turn, next);
        }
    }

    private static void Post(int* word)
    {
        Volatile.Write(ref *word, 1);
        NativeMethods.FutexWake(word);
    }

    private static void WaitFor(int* word)
    {
        while (Volatile.Read(ref *word) == 0)
        {
            NativeMethods.FutexWaitWhileZero(word);
        }

        Volatile.Write(ref *word, 0);
    }

    /// <summary>Times exchanges between this thread, which begins each, and another one that already waits.</summary>
    private static TimeSpan BetweenTwo(long operations, Action give, Action answer)
    {
        long exchanges = (operations + 1) / 2;
        Thread other = new(() =>
        {
            for (long i = 0; i <= exchanges; i++)
            {
                answer();
            }
        });
        other.Start();
        give();
        long start = Stopwatch.GetTimestamp();
        for (long i = 0; i < exchanges; i++)
        {
            give();
        }

        TimeSpan time = Stopwatch.GetElapsedTime(start);
        other.Join();
        return time * ((double)operations / (2 * exchanges));
    }
}
