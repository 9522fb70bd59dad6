using Xenlet.Kernel;

namespace Xenlet.XenBus.Base;

/// <summary>A lock that its holder may keep across awaits. Who waits longest enters first.</summary>
internal sealed class AsyncLock
{
    private Task _last = Task.CompletedTask;

    /// <summary>Waits for the lock. Disposing of the result releases it.</summary>
    public async ValueTask<Holder> EnterAsync()
    {
        TaskCompletionSource mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await Interlocked.Exchange(ref _last, mine.Task).ConfigureAwait(EventLoop.IsCurrent);
        return new(mine);
    }

    public readonly struct Holder(TaskCompletionSource held) : IDisposable
    {
        public void Dispose() => held.TrySetResult();
    }
}
