using System.Diagnostics;

namespace Xenlet.GuestImage;

/// <summary>
/// Clocks and timers. A wait never ends early; how late it ends is never claimed, save for a minute that means "never".
/// .NET keeps its timers in whole milliseconds of <see cref="Environment.TickCount64"/>, so that is the clock they are held against.
/// </summary>
internal static class TimerCases
{
    public static IEnumerable<Case> All =>
    [
        new("sleep-lower-bound", SleepLowerBound),
        new("delay-lower-bound", DelayLowerBound),
        new("delay-order", DelayOrder),
        new("timer-periodic", TimerPeriodic),
        new("timer-change-dispose", TimerChangeDispose),
        new("periodic-timer", PeriodicTimers),
        new("many-delays", ManyDelays),
        new("cancel-after", CancelAfter),
        new("stopwatch-monotonic", StopwatchMonotonic),
        new("tick-count", TickCount),
        new("wait-handle-timeout", WaitHandleTimeout),
    ];

    private static void SleepLowerBound()
    {
        foreach (int milliseconds in (int[])[0, 1, 2, 5, 13, 50, 120])
        {
            long start = Stopwatch.GetTimestamp();
            Thread.Sleep(milliseconds);
            TimeSpan slept = Stopwatch.GetElapsedTime(start);
            Check.That(slept.TotalMilliseconds >= milliseconds, $"a sleep of {milliseconds} ms took {slept.TotalMilliseconds} ms");
        }
    }

    private static async Task DelayLowerBound()
    {
        foreach (int milliseconds in (int[])[1, 2, 5, 13, 50, 120])
        {
            long start = Environment.TickCount64;
            await Task.Delay(milliseconds);
            long took = Environment.TickCount64 - start;
            Check.That(took >= milliseconds, $"a delay of {milliseconds} ms took {took} ms");
        }
    }

    /// <summary>A delay that starts later and is due earlier ends first: the timer is set anew for it.</summary>
    private static async Task DelayOrder()
    {
        using CancellationTokenSource stop = new();
        Task far = Task.Delay(TimeSpan.FromHours(1), stop.Token);
        Task middle = Task.Delay(TimeSpan.FromMinutes(30), stop.Token);
        foreach (int milliseconds in (int[])[400, 10, 100])
        {
            await Task.Delay(milliseconds);
            Check.That(!far.IsCompleted && !middle.IsCompleted);
        }

        await Task.WhenAll(Task.Delay(150), Task.Delay(20), Task.Delay(90)).WaitAsync(TimeSpan.FromMinutes(1));
        Check.That(!far.IsCompleted && !middle.IsCompleted);
        await stop.CancelAsync();
        await Check.ThrowsAsync<TaskCanceledException>(() => far);
        await Check.ThrowsAsync<TaskCanceledException>(() => middle);
    }

    private static void TimerPeriodic()
    {
        int ticks = 0;
        long start = Environment.TickCount64;
        long tenth = 0;
        using Timer timer = new(_ =>
        {
            if (Interlocked.Increment(ref ticks) == 10)
            {
                Volatile.Write(ref tenth, Environment.TickCount64);
            }
        }, null, 10, 10);
        Check.Eventually(() => Volatile.Read(ref tenth) != 0);
        Check.That(tenth - start >= 100 - 10, $"ten periods of 10 ms took {tenth - start} ms");
    }

    private static void TimerChangeDispose()
    {
        int fired = 0;
        Timer timer = new(_ => Interlocked.Increment(ref fired), null, Timeout.Infinite, Timeout.Infinite);
        Thread.Sleep(20);
        Check.Equal(0, fired);
        timer.Change(1, Timeout.Infinite);
        Check.Eventually(() => Volatile.Read(ref fired) == 1);
        timer.Change(10_000_000, Timeout.Infinite);
        using ManualResetEvent disposed = new(false);
        Check.That(timer.Dispose(disposed));
        Check.That(disposed.WaitOne(TimeSpan.FromMinutes(1)));
        Check.Equal(1, fired);
    }

    private static async Task PeriodicTimers()
    {
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(5));
        for (int i = 0; i < 10; i++)
        {
            Check.That(await timer.WaitForNextTickAsync());
        }

        timer.Dispose();
        Check.That(!await timer.WaitForNextTickAsync());
    }

    private static async Task ManyDelays()
    {
        int done = 0;
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(async i =>
        {
            await Task.Delay(1 + (i * 37 % 200));
            Interlocked.Increment(ref done);
        })).WaitAsync(TimeSpan.FromMinutes(1));
        Check.Equal(1000, done);
    }

    private static async Task CancelAfter()
    {
        using CancellationTokenSource source = new(TimeSpan.FromMilliseconds(20));
        await Check.ThrowsAsync<TaskCanceledException>(() => Task.Delay(TimeSpan.FromMinutes(5), source.Token));
    }

    private static void StopwatchMonotonic()
    {
        long last = Stopwatch.GetTimestamp();
        long start = last;
        for (int i = 0; i < 100_000; i++)
        {
            long now = Stopwatch.GetTimestamp();
            Check.That(now >= last, $"the stopwatch went back from {last} to {now}");
            last = now;
        }

        Check.That(last > start);
        Check.That(Stopwatch.IsHighResolution);

        // Two threads in turn, so that the clock is read on both sides of a context switch.
        long shared = last;
        string? wrong = null;
        object gate = new();
        Thread[] threads = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 5000; i++)
            {
                lock (gate)
                {
                    long now = Stopwatch.GetTimestamp();
                    if (now < shared)
                    {
                        wrong = $"went back from {shared} to {now}";
                    }

                    shared = now;
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, Check.Ends);
        Check.Equal(null, wrong);
    }

    /// <summary>
    /// The clocks run at one rate: two readings of one, between readings of another, are no further apart than those, and the other way
    /// round.
    /// </summary>
    private static void TickCount()
    {
        // Time may pass between any two lines. Each clock has its own resolution, of which a few milliseconds are the coarsest.
        const double Slack = 20;
        long outerStart = Stopwatch.GetTimestamp();
        long ticks = Environment.TickCount64;
        DateTime utc = DateTime.UtcNow;
        long innerStart = Stopwatch.GetTimestamp();
        Thread.Sleep(200);
        double inner = Stopwatch.GetElapsedTime(innerStart).TotalMilliseconds;
        double byTicks = Environment.TickCount64 - ticks;
        double byUtc = (DateTime.UtcNow - utc).TotalMilliseconds;
        double outer = Stopwatch.GetElapsedTime(outerStart).TotalMilliseconds;
        string measured = $"stopwatch {inner} to {outer}, tick count {byTicks}, utc {byUtc} ms";
        Check.That(inner >= 200, measured);
        Check.That(byTicks >= inner - Slack && byTicks <= outer + Slack, measured);
        Check.That(byUtc >= inner - Slack && byUtc <= outer + Slack, measured);
    }

    private static void WaitHandleTimeout()
    {
        using ManualResetEvent never = new(false);
        long start = Stopwatch.GetTimestamp();
        Check.That(!never.WaitOne(60));
        Check.That(Stopwatch.GetElapsedTime(start).TotalMilliseconds >= 60, $"took {Stopwatch.GetElapsedTime(start)}");
    }
}
