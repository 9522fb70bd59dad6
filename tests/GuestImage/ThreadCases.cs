namespace Xenlet.GuestImage;

/// <summary>Threads: creation, end, storage of their own, stacks.</summary>
internal static class ThreadCases
{
    [ThreadStatic]
    private static int s_number;

    public static IEnumerable<Case> All =>
    [
        new("fifty-threads", FiftyThreads),
        new("thread-statics", ThreadStatics),
        new("thread-local", ThreadLocals),
        new("thread-names", ThreadNames),
        new("thread-stack-size", ThreadStackSize),
        new("thread-exception-contained", ThreadExceptionContained),
        new("join-timeout", JoinTimeout),
        new("background-threads", BackgroundThreads),
        new("thread-interrupt", ThreadInterrupt),
        new("five-hundred-short-threads", FiveHundredShortThreads),
    ];

    private static void RunAll(int count, Action<int> body)
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

    private static void FiftyThreads()
    {
        int running = 0;
        using ManualResetEventSlim allRun = new();
        RunAll(50, _ =>
        {
            if (Interlocked.Increment(ref running) == 50)
            {
                allRun.Set();
            }

            // All fifty are alive at once, or none gets past here.
            Check.That(allRun.Wait(TimeSpan.FromMinutes(1)));
        });
        Check.Equal(50, running);
    }

    private static void ThreadStatics()
    {
        s_number = -1;
        RunAll(20, i =>
        {
            Check.Equal(0, s_number);
            s_number = i;
            for (int turn = 0; turn < 20; turn++)
            {
                Thread.Yield();
                Check.Equal(i, s_number);
            }
        });
        Check.Equal(-1, s_number);
    }

    private static void ThreadLocals()
    {
        using ThreadLocal<List<int>> own = new(() => [], trackAllValues: true);
        RunAll(10, i =>
        {
            own.Value!.Add(i);
            Thread.Sleep(1);
            Check.Equal(1, own.Value.Count);
        });
        Check.Equal(45, own.Values.Sum(list => list.Sum()));
    }

    private static void ThreadNames()
    {
        string? seen = null;
        Thread thread = new(() => seen = Thread.CurrentThread.Name) { Name = "a thread with a rather long name" };
        thread.Start();
        Check.Ends(thread);
        Check.Equal("a thread with a rather long name", seen);
    }

    private static void ThreadStackSize()
    {
        // Deeper than the default stack of a guest thread would allow.
        long Descend(int depth)
        {
            Span<long> frame = stackalloc long[128];
            frame.Fill(depth);
            return depth == 0 ? frame[127] : Descend(depth - 1) + frame[depth & 127];
        }

        long sum = 0;
        Thread deep = new(() => sum = Descend(1500), maxStackSize: 4 << 20);
        deep.Start();
        Check.Ends(deep);
        Check.Equal(1500L * 1501 / 2, sum);

        Thread small = new(() => sum = 1, maxStackSize: 64 << 10);
        small.Start();
        Check.Ends(small);
        Check.Equal(1L, sum);
    }

    private static void ThreadExceptionContained()
    {
        string seen = "";
        Thread thread = new(() =>
        {
            try
            {
                throw new InvalidOperationException("of the thread");
            }
            catch (InvalidOperationException caught)
            {
                seen = caught.Message;
            }
        });
        thread.Start();
        Check.Ends(thread);
        Check.Equal("of the thread", seen);
    }

    private static void JoinTimeout()
    {
        using ManualResetEvent end = new(false);
        Thread thread = new(() => end.WaitOne());
        thread.Start();
        Check.That(!thread.Join(30));
        Check.That(thread.IsAlive);
        end.Set();
        Check.Ends(thread);
        Check.That(!thread.IsAlive);
    }

    private static void BackgroundThreads()
    {
        // Left running on purpose: the process ends all the same.
        Thread thread = new(() => Thread.Sleep(Timeout.Infinite)) { IsBackground = true, Name = "sleeps for ever" };
        thread.Start();
        Check.Eventually(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        Check.That(thread.IsBackground);
        Check.That(!Thread.CurrentThread.IsThreadPoolThread);
    }

    private static void ThreadInterrupt()
    {
        Exception? thrown = null;
        Thread thread = new(() =>
        {
            try
            {
                Thread.Sleep(Timeout.Infinite);
            }
            catch (ThreadInterruptedException interrupted)
            {
                thrown = interrupted;
            }
        });
        thread.Start();
        Check.Eventually(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        thread.Interrupt();
        Check.Ends(thread);
        Check.That(thrown is ThreadInterruptedException);
    }

    private static void FiveHundredShortThreads()
    {
        // One after the other: a thread's stack and thread-local storage must be freed at its end.
        int ran = 0;
        for (int i = 0; i < 500; i++)
        {
            Thread thread = new(() => ran++);
            thread.Start();
            Check.Ends(thread);
        }

        Check.Equal(500, ran);
    }
}
