using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Leaves a ring, which outlives its user, so that a successor can use it.</summary>
internal sealed partial class XenStoreConnection
{
    /// <summary>
    /// Tells everybody who waits, ends transactions and watches, and reads until no reply is due and no message is cut. What does not
    /// come about in time is left: the connection ends in any case.
    /// </summary>
    private async ValueTask DrainAsync(XenStoreException reason)
    {
        TaskCompletionSource quiet = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (!_pump.Transport.OutlivesClient || _state is not (RunState.Running or RunState.Quiescing))
            {
                return;
            }

            _quiet?.TrySetResult();
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

            _quiet = quiet;
            CheckQuiet();
        }

        SendQueued();
        using CancellationTokenSource limit = new(Options.DisposeTimeLimit, Options.TimeProvider);
        try
        {
            await EventLoop.OnLoop(quiet.Task).WaitAsync(limit.Token).ConfigureAwait(EventLoop.IsCurrent);
            await _pump.StopReadingAsync().ConfigureAwait(EventLoop.IsCurrent);
            await _pump.FinishMessageAsync(limit.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The server does not answer, has given up or writes nonsense: there is nothing to be left clean.
        }
    }
}
