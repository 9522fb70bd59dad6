using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Leaves a ring, which outlives its user, in a state that a successor can use.</summary>
internal sealed partial class XenStoreConnection
{
    /// <summary>
    /// Fails all waiters, ends transactions and watches, and reads until no reply is due and no message is incomplete. What does not
    /// succeed in time is left: the connection ends in any case.
    /// </summary>
    private async ValueTask DrainAsync(XenStoreException reason)
    {
        TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (!_pump.Transport.OutlivesClient || _state is not (RunState.Running or RunState.Quiescing))
            {
                return;
            }

            _idle?.TrySetResult();
            _state = RunState.Draining;
            FailAll(reason);
            foreach (uint transaction in _transactions.Ids)
            {
                Enqueue(RequestMessage.EndTransaction(transaction, commit: false));
            }

            foreach (XenStoreWatch watch in _watches.ListRegistered())
            {
                Enqueue(RequestMessage.Unwatch(watch.Path, watch.Token));
            }

            _idle = idle;
            CheckIdle();
        }

        SendQueued();
        using CancellationTokenSource limit = new(Options.DisposeTimeLimit, Options.TimeProvider);
        try
        {
            await EventLoop.OnLoop(idle.Task).WaitAsync(limit.Token).ConfigureAwait(EventLoop.IsCurrent);
            await _pump.StopReadingAsync().ConfigureAwait(EventLoop.IsCurrent);
            await _pump.FinishMessageAsync(limit.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The server does not answer, has given up, or writes nonsense: nothing can be left clean.
        }
    }
}
