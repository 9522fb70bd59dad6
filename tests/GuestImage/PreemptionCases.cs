using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Xenlet.GuestImage;

/// <summary>Threads that never give up the processor by themselves, and the registers of threads that are taken off it.</summary>
internal static partial class PreemptionCases
{
    private static bool s_isStopping;
    private static int s_spun;

    public static IEnumerable<Case> All =>
    [
        new("spinners-and-collector", SpinnersAndCollector),
        new("spinner-without-call", SpinnerWithoutCall),
        new("spinner-and-timer", SpinnerAndTimer),
        new("sse-state", () => SseState(null)),
        new("sse-state-in-faults", () => SseState(FaultOnce)),
        new("rounding-of-each-thread", RoundingOfEachThread),
    ];

    private static void SpinnersAndCollector() => WithSpinners(2, Spin, () =>
    {
        for (int i = 0; i < 10; i++)
        {
            _ = new byte[50_000];
            GC.Collect();
        }
    });

    private static void SpinnerWithoutCall() => WithSpinners(1, SpinWithoutCall, () =>
    {
        GC.Collect();
        Thread.Sleep(5);
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
    });

    private static void SpinnerAndTimer() => WithSpinners(1, Spin, () =>
    {
        using ManualResetEventSlim fired = new();
        using Timer timer = new(_ => fired.Set(), null, 20, Timeout.Infinite);
        Check.That(fired.Wait(TimeSpan.FromMinutes(1)));
        Check.That(Task.Run(() => 42).Wait(TimeSpan.FromMinutes(1)));
    });

    private static void WithSpinners(int count, ThreadStart spin, Action body)
    {
        Volatile.Write(ref s_isStopping, false);
        s_spun = 0;
        Thread[] spinners = [.. Enumerable.Range(0, count).Select(_ => new Thread(spin) { IsBackground = true })];
        Array.ForEach(spinners, spinner => spinner.Start());
        try
        {
            Check.Eventually(() => Volatile.Read(ref s_spun) == count);
            body();
            Check.Equal(count, spinners.Count(spinner => spinner.IsAlive));
        }
        finally
        {
            Volatile.Write(ref s_isStopping, true);
        }

        Array.ForEach(spinners, Check.Ends);
    }

    private static void Spin()
    {
        Interlocked.Increment(ref s_spun);
        while (!Volatile.Read(ref s_isStopping))
        {
        }
    }

    private static void SpinWithoutCall()
    {
        Interlocked.Increment(ref s_spun);
        ulong state = 1;
        ref bool stop = ref s_isStopping;
        while (!Volatile.Read(ref stop))
        {
            // Arithmetic only: no call, no allocation, no place where the thread would check for a request to stop.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }

        Check.That(state != 0);
    }

    /// <summary>
    /// Several threads compute with all sixteen SSE registers, while others spin, allocate and collect, so that preemption and the
    /// collector's signals fall into the computations. One wrong bit at any time gives a wrong sum.
    /// </summary>
    private static void SseState(Action? disturb)
    {
        const int Rounds = 60_000;
        double expectedDouble = Doubles(7, Rounds, null);
        Vector128<int> expectedVector = Vectors(7, Rounds, null);
        Volatile.Write(ref s_isStopping, false);
        string? wrong = null;
        int finished = 0;
        long limit = Environment.TickCount64 + 1000;
        Thread[] computing = [.. Enumerable.Range(0, 4).Select(i => new Thread(() =>
        {
            do
            {
                bool equal = i % 2 == 0
                    ? Doubles(7, Rounds, disturb).Equals(expectedDouble)
                    : Vectors(7, Rounds, disturb) == expectedVector;
                if (!equal)
                {
                    wrong = $"thread {i} computed something else";
                }
            }
            while (wrong == null && Environment.TickCount64 < limit);
            Interlocked.Increment(ref finished);
        }))];
        Thread spinner = new(Spin) { IsBackground = true };
        Thread allocating = new(() =>
        {
            while (!Volatile.Read(ref s_isStopping))
            {
                _ = new byte[5000];
            }
        })
        { IsBackground = true };
        Array.ForEach(computing, thread => thread.Start());
        spinner.Start();
        allocating.Start();
        while (Volatile.Read(ref finished) < computing.Length)
        {
            GC.Collect(0);
            Thread.Sleep(1);
        }

        Volatile.Write(ref s_isStopping, true);
        Array.ForEach(computing, Check.Ends);
        Check.Ends(spinner);
        Check.Ends(allocating);
        Check.Equal(null, wrong);
    }

    /// <summary>
    /// Four threads round in the four ways, by x87 and by SSE, make system calls of several kinds, are preempted and stopped for
    /// collections. A control word that is lost, or another thread's, gives a wrong sum or a wrong answer of fegetround.
    /// </summary>
    private static void RoundingOfEachThread()
    {
        // fenv.h on x86: FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO; and what 1 + 2^-60 and -1 - 2^-60 are then.
        (int Mode, double Up, double Down)[] modes =
        [
            (0, 1, -1), (0x400, 1, -double.BitIncrement(1)), (0x800, double.BitIncrement(1), -1), (0xc00, 1, -1),
        ];
        string? wrong = null;
        long limit = Environment.TickCount64 + 500;
        using ManualResetEventSlim gate = new();
        Thread[] threads = [.. modes.Select(mode => new Thread(() =>
        {
            Check.Equal(0, SetRounding(mode.Mode));
            gate.Wait();
            for (int i = 0; wrong == null && (i < 1000 || Environment.TickCount64 < limit); i++)
            {
                switch (i % 4)
                {
                    case 0:
                        _ = ParentOfProcess();
                        break;
                    case 1:
                        Thread.Yield();
                        break;
                    case 2:
                        Thread.SpinWait(200);
                        break;
                    default:
                        Thread.Sleep(i % 64 == 3 ? 1 : 0);
                        break;
                }

                (int, double, double) seen = (GetRounding(), Sum(1, Math.Pow(2, -60)), Sum(-1, -Math.Pow(2, -60)));
                if (seen != mode)
                {
                    wrong = $"after call {i}: {seen}, where {mode} was to be";
                }
            }

            _ = SetRounding(0);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        gate.Set();
        while (threads.Any(thread => thread.IsAlive))
        {
            GC.Collect(0);
            Thread.Sleep(1);
        }

        Check.Equal(null, wrong);
    }

    /// <summary>Not to be computed by the compiler.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Sum(double left, double right) => left + right;

    [LibraryImport("libm", EntryPoint = "fesetround")]
    private static partial int SetRounding(int mode);

    [LibraryImport("libm", EntryPoint = "fegetround")]
    private static partial int GetRounding();

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int ParentOfProcess();

    private static void FaultOnce()
    {
        try
        {
            Hidden.Nothing<StrongBox<int>>().Value++;
        }
        catch (NullReferenceException)
        {
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Doubles(int seed, int rounds, Action? disturb)
    {
        double a = seed, b = seed + 0.1, c = seed + 0.2, d = seed + 0.3, e = seed + 0.4, f = seed + 0.5, g = seed + 0.6, h = seed + 0.7;
        double i = 1, j = 1.1, k = 1.2, l = 1.3;
        for (int round = 0; round < rounds; round++)
        {
            a = (a * 0.999) + b;
            b = (b * 0.998) - c;
            c = (c * 0.997) + d;
            d = (d * 0.996) - e;
            e = (e * 0.995) + f;
            f = (f * 0.994) - g;
            g = (g * 0.993) + h;
            h = (h * 0.992) - i + 1;
            i = (i * 0.991) + j;
            j = (j * 0.990) - k;
            k = (k * 0.989) + l;
            l = (l * 0.988) - a;
            l = Math.Clamp(l, -1e6, 1e6);
            if (disturb != null && (round & 1023) == 0)
            {
                disturb();
            }
        }

        return a + b + c + d + e + f + g + h + i + j + k + l;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<int> Vectors(int seed, int rounds, Action? disturb)
    {
        Vector128<int> a = Vector128.Create(seed), b = a
            + Vector128.Create(1, 2, 3, 4), c = b ^ a, d = c + b, e = d ^ b, f = e + c, g = f ^ d, h = g + e;
        Vector128<int> i = h ^ f, j = i + g, k = j ^ h, l = k + i;
        for (int round = 0; round < rounds; round++)
        {
            a += b << 1;
            b ^= c >>> 3;
            c += d << 5;
            d ^= e >>> 7;
            e += f;
            f ^= g << 2;
            g += h >>> 1;
            h ^= i;
            i += j << 4;
            j ^= k >>> 5;
            k += l;
            l ^= a << 1;
            if (disturb != null && (round & 1023) == 0)
            {
                disturb();
            }
        }

        return a + b + c + d + e + f + g + h + i + j + k + l;
    }
}
