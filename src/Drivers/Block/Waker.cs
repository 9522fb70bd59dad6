using System.Threading.Tasks.Sources;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Block;

/// <summary>
/// Recognises continuations that only wake a waiter: a blocked thread, or the code that awaits a task. They may run on any thread, so a
/// thread that blocks until an operation ends needs no thread of the pool.
/// </summary>
internal static class Waker
{
    // The continuation of every ValueTask's AsTask: it completes the task.
    private static readonly Action<object?> EndTask = FindEndTask();

    /// <summary>Whether a continuation is one of them.</summary>
    public static bool Is(Action<object?> continuation, object? state) =>
        ReferenceEquals(continuation, EndTask) || (state is Action { Target: ManualResetEventSlim });

    /// <summary>
    /// Calls such a continuation. One that completes a task is called on an event loop, if there is one: the code that awaits the task does
    /// not continue there. Elsewhere that code would run inside this call and delay the caller.
    /// </summary>
    public static void Call(Action<object?> continuation, object? state, EventLoop? loop)
    {
        if (EventLoop.IsCurrent || !ReferenceEquals(continuation, EndTask))
        {
            continuation(state);
        }
        else if (loop is not null)
        {
            loop.Post(new SendOrPostCallback(continuation), state);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(continuation, state, preferLocal: false);
        }
    }

    private static Action<object?> FindEndTask()
    {
        Probe probe = new();
        _ = new ValueTask(probe, 0).AsTask();
        return probe.Continuation;
    }

    private sealed class Probe : IValueTaskSource
    {
        public Action<object?> Continuation { get; private set; } = static _ => { };

        public ValueTaskSourceStatus GetStatus(short token) => ValueTaskSourceStatus.Pending;

        public void GetResult(short token)
        {
        }

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            Continuation = continuation;
    }
}
