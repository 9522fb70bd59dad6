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
            if (!_transport.OutlivesClient || _state is not (RunState.Running or RunState.Quiescing))
            {
                return;
            }

            _quiet?.TrySetResult();
            _state = RunState.Draining;
            FailAll(reason);
            foreach (uint transaction in _openTransactions)
            {
                Enqueue(XenStoreMessageType.TransactionEnd, transaction, "F", null);
            }

            foreach (XenStoreWatch watch in _watches.Values)
            {
                if (watch.IsRegistered)
                {
                    Enqueue(XenStoreMessageType.Unwatch, 0, watch.Path, watch.Token);
                }
            }

            _quiet = quiet;
            CheckQuiet();
        }

        SendQueued();
        using CancellationTokenSource limit = new(Options.DisposeTimeLimit, Options.TimeProvider);
        try
        {
            await EventLoop.OnLoop(quiet.Task).WaitAsync(limit.Token).ConfigureAwait(EventLoop.IsCurrent);
            _stop.Cancel();
            await _reader.ConfigureAwait(EventLoop.IsCurrent);
            await FinishMessageAsync(limit.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or ObjectDisposedException or XenStoreException)
        {
            // The server does not answer, has given up or writes nonsense: there is nothing to be left clean.
        }
    }

    /// <summary>Reads on, once the reader has stopped, until no message is cut: whoever reads the ring next takes the first byte for a header's.</summary>
    private async ValueTask FinishMessageAsync(CancellationToken cancellationToken)
    {
        while (_received.Count > 0)
        {
            int count = await _transport.ReadAsync(_received.GetFree(), cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            if (count == 0)
            {
                throw ClosedByServer();
            }

            _received.Advance(count);
            while (TakeMessage())
            {
            }
        }
    }
}
