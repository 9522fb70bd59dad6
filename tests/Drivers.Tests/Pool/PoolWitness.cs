using System.Diagnostics;
using System.Diagnostics.Tracing;

namespace Xenlet.Drivers.Tests;

/// <summary>Takes every thread of the process's pool for ever, and from then on records which code uses the pool.</summary>
/// <remarks>The pool says so by an event of the base library's source of events, on the thread that does it.</remarks>
internal sealed class PoolWitness : EventListener
{
    private const int Workers = 2;

    // FrameworkEventSource.Keywords of the base library: ThreadPool and ThreadTransfer.
    private const EventKeywords PoolKeywords = (EventKeywords)0x12;

    private readonly ManualResetEvent _never = new(false);
    private readonly List<string> _seen = [];
    private volatile bool _isWatching;
    private int _blocked;

    /// <summary>The uses of the pool, each as a stack trace.</summary>
    public IReadOnlyList<string> Seen
    {
        get
        {
            lock (_seen)
            {
                return [.. _seen];
            }
        }
    }

    /// <summary>Blocks the pool and begins to watch.</summary>
    public void Begin()
    {
        Assert.True(ThreadPool.SetMinThreads(1, 1) && ThreadPool.SetMaxThreads(Workers, Workers), "the pool cannot be limited");
        for (int i = 0; i < Workers; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    Interlocked.Increment(ref _blocked);
                    _never.WaitOne();
                },
                null);
        }

        bool isBlocked = SpinWait.SpinUntil(() => Volatile.Read(ref _blocked) == Workers, TimeSpan.FromMinutes(2));
        Assert.True(isBlocked, "the pool's threads are not blocked");
        _isWatching = true;
        bool ran = false;
        ThreadPool.UnsafeQueueUserWorkItem(_ => ran = true, null);
        Assert.Contains(nameof(Begin), Assert.Single(Seen), StringComparison.Ordinal);
        Thread.Sleep(10);
        Assert.False(Volatile.Read(ref ran), "the pool has a thread that is not blocked");
        lock (_seen)
        {
            _seen.Clear();
        }
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "System.Diagnostics.Eventing.FrameworkEventSource")
        {
            EnableEvents(eventSource, EventLevel.Verbose, PoolKeywords);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        // It is called before the constructor has run, too.
        if (!_isWatching || eventData.EventName != "ThreadPoolEnqueueWork")
        {
            return;
        }

        string[] calls = [.. new StackTrace(1).GetFrames().Select(frame => frame.GetMethod()).OfType<System.Reflection.MethodBase>()
            .Where(method => method.DeclaringType?.Namespace?.StartsWith("System.Diagnostics.Tracing", StringComparison.Ordinal) != true)
            .Select(method => $"{method.DeclaringType?.FullName}.{method.Name}")];

        // The program's own work may use the pool.
        if (!calls.Any(call => call.EndsWith("EventLoop.CallProgram", StringComparison.Ordinal)))
        {
            lock (_seen)
            {
                _seen.Add($"on thread '{Thread.CurrentThread.Name}':\n    {string.Join("\n    ", calls)}");
            }
        }
    }
}
