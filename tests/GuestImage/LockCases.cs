using System.Collections.Concurrent;

namespace Xenlet.GuestImage;

/// <summary>Locks and events: everything that ends in a futex.</summary>
internal static class LockCases
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    public static IEnumerable<Case> All =>
    [
        new("monitor-pulse", MonitorPulse),
        new("monitor-pulse-all", MonitorPulseAll),
        new("monitor-wait-timeout", MonitorWaitTimeout),
        new("monitor-contention", MonitorContention),
        new("lock-class", LockClass),
        new("semaphore-slim", SemaphoreSlims),
        new("reader-writer-lock", ReaderWriterLock),
        new("barrier", Barriers),
        new("countdown-event", CountdownEvents),
        new("manual-reset-event-slim", ManualResetEventSlims),
        new("auto-reset-event", AutoResetEvents),
        new("wait-any-all", WaitAnyAll),
        new("mutex", Mutexes),
        new("mutex-abandoned", MutexAbandoned),
        new("spin-lock", SpinLocks),
        new("interlocked", InterlockedCounts),
        new("lazy-once", LazyOnce),
        new("concurrent-collections", ConcurrentCollections),
    ];

    private static void OnThreads(int count, Action<int> body)
    {
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() =>
        {
            try
            {
                body(i);
            }
            catch (Exception thrown)
            {
                failure = thrown;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, Check.Ends);
        Check.Equal(null, failure);
    }

    private static void MonitorPulse()
    {
        // A queue of one place between a producer and a consumer.
        object gate = new();
        int? place = null;
        long sum = 0;
        OnThreads(2, i =>
        {
            for (int n = 0; n < 1000; n++)
            {
                lock (gate)
                {
                    while (i == 0 ? place != null : place == null)
                    {
                        Check.That(Monitor.Wait(gate, Minute));
                    }

                    if (i == 0)
                    {
                        place = n;
                    }
                    else
                    {
                        sum += place!.Value;
                        place = null;
                    }

                    Monitor.Pulse(gate);
                }
            }
        });
        Check.Equal(499_500L, sum);
    }

    private static void MonitorPulseAll()
    {
        object gate = new();
        int waiting = 0;
        bool go = false;
        OnThreads(11, i =>
        {
            if (i == 10)
            {
                Check.Eventually(() => Volatile.Read(ref waiting) == 10);
                lock (gate)
                {
                    go = true;
                    Monitor.PulseAll(gate);
                }

                return;
            }

            lock (gate)
            {
                waiting++;
                while (!go)
                {
                    Check.That(Monitor.Wait(gate, Minute));
                }
            }
        });
    }

    private static void MonitorWaitTimeout()
    {
        object gate = new();
        lock (gate)
        {
            Check.That(!Monitor.Wait(gate, 20));
            Check.That(Monitor.IsEntered(gate));
        }

        Check.Throws<SynchronizationLockException>(() => Monitor.Pulse(gate));
    }

    private static void MonitorContention()
    {
        object gate = new();
        long counter = 0;
        OnThreads(8, _ =>
        {
            for (int i = 0; i < 2000; i++)
            {
                lock (gate)
                {
                    long before = counter;
                    if (i % 100 == 0)
                    {
                        Thread.Yield();
                    }

                    counter = before + 1;
                }
            }
        });
        Check.Equal(16_000L, counter);
    }

    private static void LockClass()
    {
        Lock gate = new();
        long counter = 0;
        OnThreads(8, _ =>
        {
            for (int i = 0; i < 1000; i++)
            {
                lock (gate)
                {
                    counter++;
                }
            }
        });
        Check.Equal(8000L, counter);
        Check.That(gate.TryEnter(10));
        gate.Exit();
    }

    private static void SemaphoreSlims()
    {
        using SemaphoreSlim three = new(3);
        int inside = 0;
        int most = 0;
        OnThreads(12, _ =>
        {
            Check.That(three.Wait(Minute));
            int now = Interlocked.Increment(ref inside);
            InterlockedMax(ref most, now);
            Thread.Sleep(2);
            Interlocked.Decrement(ref inside);
            three.Release();
        });
        Check.That(most is >= 1 and <= 3, $"{most} at once");
        Check.That(three.WaitAsync(0).Result);
        Check.Equal(2, three.CurrentCount);
    }

    private static void InterlockedMax(ref int place, int value)
    {
        int seen = Volatile.Read(ref place);
        while (value > seen)
        {
            seen = Interlocked.CompareExchange(ref place, value, seen);
        }
    }

    private static void ReaderWriterLock()
    {
        using ReaderWriterLockSlim gate = new();
        int first = 0;
        int second = 0;
        OnThreads(8, i =>
        {
            for (int turn = 0; turn < 200; turn++)
            {
                if (i < 2)
                {
                    Check.That(gate.TryEnterWriteLock(Minute));
                    first++;
                    Thread.Yield();
                    second++;
                    gate.ExitWriteLock();
                }
                else
                {
                    Check.That(gate.TryEnterReadLock(Minute));
                    Check.Equal(first, second);
                    gate.ExitReadLock();
                }
            }
        });
        Check.Equal(400, first);
    }

    private static void Barriers()
    {
        int phases = 0;
        int[] steps = new int[5];
        using Barrier barrier = new(5, b =>
        {
            phases++;
            Check.That(steps.All(step => step == b.CurrentPhaseNumber + 1));
        });
        OnThreads(5, i =>
        {
            for (int phase = 0; phase < 20; phase++)
            {
                steps[i]++;
                Check.That(barrier.SignalAndWait(Minute));
            }
        });
        Check.Equal(20, phases);
    }

    private static void CountdownEvents()
    {
        using CountdownEvent countdown = new(10);
        OnThreads(10, _ => countdown.Signal());
        Check.That(countdown.Wait(Minute));
        Check.That(countdown.IsSet);
    }

    private static void ManualResetEventSlims()
    {
        using ManualResetEventSlim gate = new();
        int passed = 0;
        Check.That(!gate.Wait(10));
        OnThreads(9, i =>
        {
            if (i == 8)
            {
                Thread.Sleep(10);
                gate.Set();
            }
            else
            {
                Check.That(gate.Wait(Minute));
                Interlocked.Increment(ref passed);
            }
        });
        Check.Equal(8, passed);
    }

    private static void AutoResetEvents()
    {
        using AutoResetEvent there = new(false);
        using AutoResetEvent back = new(false);
        int turns = 0;
        OnThreads(2, i =>
        {
            for (int turn = 0; turn < 500; turn++)
            {
                if (i == 0)
                {
                    there.Set();
                    Check.That(back.WaitOne(Minute));
                }
                else
                {
                    Check.That(there.WaitOne(Minute));
                    turns++;
                    back.Set();
                }
            }
        });
        Check.Equal(500, turns);
        Check.That(!there.WaitOne(0));
    }

    private static void WaitAnyAll()
    {
        ManualResetEvent[] events = [new(false), new(false), new(false)];
        Check.Equal(WaitHandle.WaitTimeout, WaitHandle.WaitAny(events, 10));
        events[1].Set();
        Check.Equal(1, WaitHandle.WaitAny(events, Minute));
        Check.That(!WaitHandle.WaitAll(events, 10));
        OnThreads(2, i => events[i * 2].Set());
        Check.That(WaitHandle.WaitAll(events, Minute));
        Array.ForEach(events, one => one.Dispose());
    }

    private static void Mutexes()
    {
        using Mutex mutex = new();
        long counter = 0;
        OnThreads(4, _ =>
        {
            for (int i = 0; i < 300; i++)
            {
                Check.That(mutex.WaitOne(Minute));
                counter++;
                mutex.ReleaseMutex();
            }
        });
        Check.Equal(1200L, counter);
        Check.Throws<ApplicationException>(mutex.ReleaseMutex);
    }

    private static void MutexAbandoned()
    {
        using Mutex mutex = new();
        OnThreads(1, _ => mutex.WaitOne());
        Check.Throws<AbandonedMutexException>(() => mutex.WaitOne());
        mutex.ReleaseMutex();
    }

    private static void SpinLocks()
    {
        SpinLock gate = new(enableThreadOwnerTracking: false);
        long counter = 0;
        OnThreads(4, _ =>
        {
            for (int i = 0; i < 500; i++)
            {
                bool taken = false;
                gate.Enter(ref taken);
                counter++;
                gate.Exit();
            }
        });
        Check.Equal(2000L, counter);
    }

    private static void InterlockedCounts()
    {
        int added = 0;
        long exchanged = 0;
        OnThreads(8, i =>
        {
            for (int n = 0; n < 20_000; n++)
            {
                Interlocked.Increment(ref added);
                long seen;
                do
                {
                    seen = Interlocked.Read(ref exchanged);
                }
                while (Interlocked.CompareExchange(ref exchanged, seen + i, seen) != seen);
            }
        });
        Check.Equal(160_000, added);
        Check.Equal(20_000L * 28, exchanged);
    }

    private static void LazyOnce()
    {
        int made = 0;
        Lazy<string> lazy = new(() =>
        {
            Interlocked.Increment(ref made);
            Thread.Sleep(5);
            return "made";
        });
        OnThreads(8, _ => Check.Equal("made", lazy.Value));
        Check.Equal(1, made);
    }

    private static void ConcurrentCollections()
    {
        ConcurrentDictionary<int, int> counts = new();
        ConcurrentQueue<int> queue = new();
        using BlockingCollection<int> blocking = new(boundedCapacity: 4);
        long taken = 0;
        OnThreads(6, i =>
        {
            for (int n = 0; n < 300; n++)
            {
                counts.AddOrUpdate(n % 17, 1, (_, old) => old + 1);
                queue.Enqueue(n);
                if (i % 2 == 0)
                {
                    blocking.Add(n);
                }
                else
                {
                    Interlocked.Add(ref taken, blocking.Take());
                }
            }
        });
        Check.Equal(1800, counts.Values.Sum());
        Check.Equal(1800, queue.Count);
        Check.Equal(3L * 300 * 299 / 2, taken);
    }
}
