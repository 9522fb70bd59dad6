using System.Threading.Tasks.Sources;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Block;

/// <summary>
/// Knows continuations that do nothing but wake somebody: a thread that waits, or those who await a task. They may run anywhere, so a
/// thread that waits for an operation needs none of the pool.
/// </summary>
internal static class Waker
{
    // What AsTask of every ValueTask waits with: it ends the task.
    private static readonly Action<object?> EndTask = FindEndTask();

    /// <summary>Whether a continuation is one of them.</summary>
    public static bool Is(Action<object?> continuation, object? state) =>
        ReferenceEquals(continuation, EndTask) || (state is Action { Target: ManualResetEventSlim });

    /// <summary>
    /// Calls one of them. The end of a task is left to a loop where there is one, on which those who await the task do not go on; it
    /// would hold up the caller else.
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
