using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Xenlet.GuestImage;

/// <summary>Tasks, the thread pool and what is built on them.</summary>
internal static class TaskCases
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly AsyncLocal<string> Ambient = new();

    public static IEnumerable<Case> All =>
    [
        new("thread-pool-growth", ThreadPoolGrowth),
        new("parallel-for", ParallelFor),
        new("parallel-for-each", ParallelForEach),
        new("parallel-for-each-async", ParallelForEachAsync),
        new("parallel-linq", ParallelLinq),
        new("channels", Channels),
        new("channel-bounded", ChannelBounded),
        new("async-streams", AsyncStreams),
        new("async-local", AsyncLocals),
        new("cancellation-token", CancellationTokens),
        new("cancellation-timeout", CancellationTimeout),
        new("when-any", WhenAny),
        new("when-all-errors", WhenAllErrors),
        new("task-continuations", TaskContinuations),
        new("value-task-source", TaskCompletionSources),
        new("wait-async-timeout", WaitAsyncTimeout),
        new("unobserved-exception", UnobservedException),
    ];

    private static void ThreadPoolGrowth()
    {
        // Eight items that block until all eight run: the pool has to grow past the one processor.
        using CountdownEvent all = new(8);
        Task[] tasks = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            all.Signal();
            Check.That(all.Wait(Minute));
        }))];
        Check.That(Task.WaitAll(tasks, Minute));
    }

    private static void ParallelFor()
    {
        long sum = 0;
        Parallel.For(0, 10_000, () => 0L, (i, _, local) => local + i, local => Interlocked.Add(ref sum, local));
        Check.Equal(49_995_000L, sum);
        ParallelLoopResult stopped = Parallel.For(0, 1_000_000, (i, state) =>
        {
            if (i == 10)
            {
                state.Stop();
            }
        });
        Check.That(!stopped.IsCompleted);
    }

    private static void ParallelForEach()
    {
        ConcurrentBag<int> seen = [];
        Parallel.ForEach(Enumerable.Range(0, 500), new ParallelOptions { MaxDegreeOfParallelism = 4 }, seen.Add);
        Check.Equal(500, seen.Distinct().Count());
        AggregateException thrown = Check.Throws<AggregateException>(
            () => Parallel.ForEach(Enumerable.Range(0, 10), i => throw new InvalidOperationException()));
        Check.That(thrown.InnerExceptions.All(inner => inner is InvalidOperationException));
    }

    private static async Task ParallelForEachAsync()
    {
        int sum = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 100), new ParallelOptions { MaxDegreeOfParallelism = 10 }, async (i, stop) =>
        {
            await Task.Delay(i % 5, stop);
            Interlocked.Add(ref sum, i);
        });
        Check.Equal(4950, sum);
    }

    private static void ParallelLinq()
    {
        int[] primes = [.. ParallelEnumerable.Range(2, 5000)
            .WithDegreeOfParallelism(4)
            .Where(n => Enumerable.Range(2, (int)Math.Sqrt(n) - 1).All(d => n % d != 0))
            .AsSequential()
            .Order()];
        Check.Equal(669, primes.Length);
        Check.Equal(2 + 3 + 5 + 7 + 11, primes.Take(5).Sum());
        Check.Equal(499_500, ParallelEnumerable.Range(0, 1000).AsOrdered().WithDegreeOfParallelism(3).Sum());
    }

    private static async Task Channels()
    {
        Channel<int> channel = Channel.CreateUnbounded<int>();
        Task[] writers = [.. Enumerable.Range(0, 4).Select(w => Task.Run(async () =>
        {
            for (int i = 0; i < 250; i++)
            {
                await channel.Writer.WriteAsync((w * 250) + i);
            }
        }))];
        Task<int> reader = Task.Run(async () =>
        {
            int sum = 0;
            await foreach (int item in channel.Reader.ReadAllAsync())
            {
                sum += item;
            }

            return sum;
        });
        await Task.WhenAll(writers);
        channel.Writer.Complete();
        Check.Equal(499_500, await reader.WaitAsync(Minute));
    }

    private static async Task ChannelBounded()
    {
        Channel<int> channel = Channel.CreateBounded<int>(2);
        Check.That(channel.Writer.TryWrite(1) && channel.Writer.TryWrite(2) && !channel.Writer.TryWrite(3));
        ValueTask blocked = channel.Writer.WriteAsync(3);
        Check.That(!blocked.IsCompleted);
        Check.Equal(1, await channel.Reader.ReadAsync());
        await blocked;
        channel.Writer.Complete(new InvalidOperationException("done"));
        Check.Equal(5, await channel.Reader.ReadAsync() + await channel.Reader.ReadAsync());
        ChannelClosedException closed = await Check.ThrowsAsync<ChannelClosedException>(async () => await channel.Reader.ReadAsync());
        Check.Equal("done", closed.InnerException!.Message);
    }

    private static async Task AsyncStreams()
    {
        int disposed = 0;
        async IAsyncEnumerable<int> Numbers()
        {
            try
            {
                for (int i = 0; ; i++)
                {
                    await Task.Delay(1);
                    yield return i;
                }
            }
            finally
            {
                disposed++;
            }
        }

        int sum = 0;
        await foreach (int number in Numbers())
        {
            sum += number;
            if (number == 20)
            {
                break;
            }
        }

        Check.Equal((210, 1), (sum, disposed));
    }

    private static async Task AsyncLocals()
    {
        Ambient.Value = "outer";
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(async () =>
        {
            Check.Equal("outer", Ambient.Value);
            Ambient.Value = $"inner {i}";
            await Task.Delay(i % 3);
            Check.Equal($"inner {i}", Ambient.Value);
        })));
        Check.Equal("outer", Ambient.Value);
    }

    private static async Task CancellationTokens()
    {
        using CancellationTokenSource source = new();
        int called = 0;
        using CancellationTokenRegistration registration = source.Token.Register(() => called++);
        Task waiting = Task.Delay(Timeout.Infinite, source.Token);
        Task working = Task.Run(() =>
        {
            while (true)
            {
                source.Token.ThrowIfCancellationRequested();
            }
        });
        await Task.Delay(5);
        await source.CancelAsync();
        await Check.ThrowsAsync<TaskCanceledException>(() => waiting);
        await Check.ThrowsAsync<OperationCanceledException>(() => working);
        Check.Equal(1, called);
        Check.That(waiting.IsCanceled);
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(source.Token);
        Check.That(linked.IsCancellationRequested);
    }

    private static async Task CancellationTimeout()
    {
        using CancellationTokenSource source = new();
        using SemaphoreSlim never = new(0);

        // What is cancelled before it begins fails in another way.
        Task waiting = never.WaitAsync(source.Token);
        source.CancelAfter(10);
        await Check.ThrowsAsync<OperationCanceledException>(() => waiting);
        Check.Throws<OperationCanceledException>(() => never.Wait(source.Token));
    }

    private static async Task WhenAny()
    {
        Task slow = Task.Delay(Timeout.Infinite);
        Task quick = Task.Delay(10);
        Check.That(await Task.WhenAny(slow, quick) == quick);
        int seen = 0;
        await foreach (Task<int> finished in Task.WhenEach(Enumerable.Range(0, 5).Select(async i =>
        {
            await Task.Delay((5 - i) * 3);
            return i;
        })))
        {
            seen += await finished;
        }

        Check.Equal(10, seen);
    }

    private static async Task WhenAllErrors()
    {
        Task<int>[] tasks = [.. Enumerable.Range(0, 10).Select(async i =>
        {
            await Task.Yield();
            return i % 3 == 1 ? throw new InvalidOperationException($"{i}") : i;
        })];
        await Check.ThrowsAsync<InvalidOperationException>(() => Task.WhenAll(tasks));
        Check.Equal(3, tasks.Count(task => task.IsFaulted));
    }

    private static async Task TaskContinuations()
    {
        int result = await Task.Run(() => 1)
            .ContinueWith(task => task.Result + 1, TaskScheduler.Default)
            .ContinueWith(
                task => task.Result * 21, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        Check.Equal(42, result);
        Task parent = Task.Factory.StartNew(
            () => Task.Factory.StartNew(
                () => Thread.Sleep(10), CancellationToken.None, TaskCreationOptions.AttachedToParent, TaskScheduler.Default),
            CancellationToken.None,
            TaskCreationOptions.None,
            TaskScheduler.Default);
        await parent;
        Task longRunning = Task.Factory.StartNew(
            () => Check.That(!Thread.CurrentThread.IsThreadPoolThread),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await longRunning;
    }

    private static async Task TaskCompletionSources()
    {
        TaskCompletionSource<int> source = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread setter = new(() =>
        {
            Thread.Sleep(5);
            source.SetResult(9);
        });
        setter.Start();
        Check.Equal(9, await source.Task);
        Check.That(!source.TrySetResult(1));
        Check.Ends(setter);
    }

    private static async Task WaitAsyncTimeout()
    {
        await Check.ThrowsAsync<TimeoutException>(() => Task.Delay(Timeout.Infinite).WaitAsync(TimeSpan.FromMilliseconds(10)));
        Check.That(!Task.Delay(Timeout.Infinite).Wait(10));
    }

    private static void UnobservedException()
    {
        string? seen = null;
        void Handler(object? sender, UnobservedTaskExceptionEventArgs args)
        {
            seen = args.Exception.InnerException!.Message;
            args.SetObserved();
        }

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static void Start() =>
            ((IAsyncResult)Task.Run(() => throw new InvalidOperationException("nobody looks"))).AsyncWaitHandle.WaitOne();

        TaskScheduler.UnobservedTaskException += Handler;
        try
        {
            Start();
            Check.Eventually(() =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return Volatile.Read(ref seen) != null;
            });
            Check.Equal("nobody looks", seen);
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Handler;
        }
    }
}
