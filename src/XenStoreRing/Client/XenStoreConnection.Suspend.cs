using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Start, and the ring's part of suspend and resume.</summary>
internal sealed partial class XenStoreConnection
{
    private const string ResetWatchesFlag = "control/platform-feature-xs_reset_watches";

    /// <summary>Opens the transport, resets watches of a predecessor where that is due, and lets requests through.</summary>
    internal async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        await OpenTransportAsync(_transport, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        Enter(RunState.Resuming);
        StartReading();
        await ResetOldWatchesAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        Enter(RunState.Running);
        SendQueued();
    }

    /// <summary>
    /// Holds new requests back, waits until every request is answered and every transaction has ended, and stops the reader where no message
    /// is cut. If that does not come about, everything goes on as before.
    /// </summary>
    internal async ValueTask SuspendAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource quiet = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfLost();
            if (_state != RunState.Running)
            {
                throw new InvalidOperationException("The connection is being suspended already, or is suspended.");
            }

            _state = RunState.Quiescing;
            _quiet = quiet;
            CheckQuiet();
        }

        SendQueued();
        try
        {
            await EventLoop.OnLoop(quiet.Task)
                .WaitAsync(Options.RequestTimeLimit, Options.TimeProvider, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure) when (failure is TimeoutException or OperationCanceledException)
        {
            string state;
            lock (_gate)
            {
                _quiet = null;
                state = string.Create(CultureInfo.InvariantCulture, $"{_openTransactions.Count} transactions open, {DescribeState()}");
                if (_state == RunState.Quiescing)
                {
                    _state = RunState.Running;
                }

                ThrowIfClosed();
            }

            SendQueued();
            if (failure is OperationCanceledException)
            {
                throw;
            }

            throw new XenStoreException(XenStoreError.TimedOut, string.Create(CultureInfo.InvariantCulture,
                $"xenstore did not come to rest for a suspend in {Options.RequestTimeLimit.TotalSeconds:0.##} s: {state}"));
        }

        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfLost();
            _state = RunState.Suspended;
        }

        _stop.Cancel();
        await _reader.ConfigureAwait(EventLoop.IsCurrent);
        await FinishMessageBeforeSuspendAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfLost();
        }
    }

    private async ValueTask FinishMessageBeforeSuspendAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(Options.RequestTimeLimit, Options.TimeProvider);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await FinishMessageAsync(both.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException)
        {
            int held = _received.Count;
            CancelSuspend();
            cancellationToken.ThrowIfCancellationRequested();
            throw new XenStoreException(XenStoreError.TimedOut, string.Create(CultureInfo.InvariantCulture,
                $"xenstored wrote {held} bytes of a message and not the rest of it in {Options.RequestTimeLimit.TotalSeconds:0.##} s before a suspend"));
        }
        catch (Exception failure)
        {
            Lose(failure as XenStoreException ?? new(XenStoreError.ConnectionClosed, $"reading from xenstored failed: {failure.Message}", failure), _epoch);
        }
    }

    /// <summary>Goes on as if nothing had happened: the suspend was cancelled, the ring is as it was.</summary>
    internal void CancelSuspend()
    {
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            _state = RunState.Running;
            RestartTimeLimits();
        }

        StartReading();
        SendQueued();
    }

    /// <summary>
    /// Goes on over a new transport. Every watch is registered again, and says "look at everything". When no xenstored answers, the
    /// connection stays suspended.
    /// </summary>
    internal async ValueTask ResumeAsync(IXenStoreTransport transport, CancellationToken cancellationToken)
    {
        IXenStoreTransport old;
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            old = _transport;
        }

        await OpenTransportAsync(transport, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            RestartTimeLimits();
        }

        await DisposeTransportAsync(old).ConfigureAwait(EventLoop.IsCurrent);
        // From here on nothing is cancelled, or a watch could be lost without a word. Each request has its time limit.
        await GoOnOverAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Makes an open transport the connection's, and sets up over it what the server has to know.</summary>
    /// <exception cref="XenStoreException">The connection was lost, or disposed of, meanwhile.</exception>
    private async ValueTask GoOnOverAsync(IXenStoreTransport transport)
    {
        uint[] leftOpen;
        int epoch;
        lock (_gate)
        {
            ThrowIfClosed();
            _transport = transport;
            _received = new();
            _state = RunState.Resuming;
            epoch = ++_epoch;
            leftOpen = [.. _lostTransactions];
            StartTicking();
        }

        StartReading();
        try
        {
            await ResetOldWatchesAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
            // What is wrong shows in the registration of the watches, and there it is reported.
        }

        // Where it is the same xenstored, it has them still. No other of ours is open that could have the same number.
        await Task.WhenAll(leftOpen.Select(EndLostAsync)).ConfigureAwait(EventLoop.IsCurrent);
        await RegisterWatchesAgainAsync(epoch).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            ThrowIfClosed();
            if (_epoch != epoch || _state != RunState.Resuming)
            {
                throw Lost();
            }

            _lostTransactions.Clear();
            _lostReason = null;
            _state = RunState.Running;
            StartTicking();
        }

        SendQueued();
    }

    private async Task EndLostAsync(uint transaction)
    {
        try
        {
            Request<bool> request = Request<bool>.Rent(
                this, XenStoreMessageType.TransactionEnd, transaction, "F", null, default, Decoders.Done, default, absentIsDefault: true);
            request.Urgent = true;
            await request.Start(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
            // Another xenstored does not know it.
        }
    }

    private async ValueTask OpenTransportAsync(IXenStoreTransport transport, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(Options.ConnectTimeLimit, Options.TimeProvider);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await transport.OpenAsync(both.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new XenStoreException(XenStoreError.TimedOut, string.Create(CultureInfo.InvariantCulture,
                $"no xenstored answered in {Options.ConnectTimeLimit.TotalSeconds:0.##} s; {transport.Describe()}"));
        }
    }

    private async ValueTask ResetOldWatchesAsync(CancellationToken cancellationToken)
    {
        bool reset = Options.ResetWatches ?? _transport.OutlivesClient;
        if (reset && Options.ResetWatches is null)
        {
            try
            {
                reset = await Urgent(XenStoreMessageType.Read, ResetWatchesFlag, null, Decoders.Text, cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent) == "1";
            }
            catch (XenStoreException error) when (IsRefusal(error))
            {
                reset = false;
            }
        }

        if (reset)
        {
            try
            {
                await Urgent(XenStoreMessageType.ResetWatches, "", null, Decoders.Done, cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException error) when (IsRefusal(error) && Options.ResetWatches is null)
            {
            }
        }
    }

    private async ValueTask RegisterWatchesAgainAsync(int epoch)
    {
        XenStoreWatch[] watches;
        lock (_gate)
        {
            watches = [.. _watches.Values.Where(watch => watch.IsRegistered)];
        }

        await Task.WhenAll(watches.Select(RegisterAsync)).ConfigureAwait(EventLoop.IsCurrent);

        async Task RegisterAsync(XenStoreWatch watch)
        {
            try
            {
                await Urgent(XenStoreMessageType.Watch, watch.Path, watch.Token, Decoders.Done, CancellationToken.None)
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException error) when (error.Error == XenStoreError.EEXIST)
            {
                // The registration has survived, so no first event comes.
            }
            catch (XenStoreException error)
            {
                lock (_gate)
                {
                    if (_epoch != epoch)
                    {
                        // Lost again: it is registered over the next transport.
                        return;
                    }

                    _watches.Remove(watch.Number);
                }

                watch.End(error);
                return;
            }

            watch.AddEverything();
        }
    }

    private ValueTask<T> Urgent<T>(
        XenStoreMessageType type, string subject, string? second, Decoder<T> decoder, CancellationToken cancellationToken)
    {
        Request<T> request = Request<T>.Rent(this, type, 0, subject, second, default, decoder, default, absentIsDefault: type == XenStoreMessageType.Read);
        request.Urgent = true;
        return request.Start(cancellationToken);
    }

    /// <summary>Whether the server answered, with a no.</summary>
    private static bool IsRefusal(XenStoreException error) =>
        error.Error is not (XenStoreError.TimedOut or XenStoreError.ConnectionClosed or XenStoreError.ProtocolViolation);

    private void Enter(RunState state)
    {
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            _state = state;
            StartTicking();
        }
    }

    /// <summary>Tells a suspend that nothing is under way any more.</summary>
    private void CheckQuiet()
    {
        if (_quiet is not null
            && (_state == RunState.Closed
                || (!_writing && _outstandingCount == 0 && _openTransactions.Count == 0 && (_state == RunState.Quiescing || _queue.First is null))))
        {
            _quiet.TrySetResult();
            _quiet = null;
        }
    }

    /// <summary>The time a domain was not running does not count against its requests.</summary>
    private void RestartTimeLimits()
    {
        long now = Options.TimeProvider.GetTimestamp();
        for (Request? request = _queue.First; request is not null; request = request.Next)
        {
            if (request.Started != long.MaxValue)
            {
                request.Started = now;
            }
        }

        if (_queue.First is not null)
        {
            StartTicking();
        }
    }

    private void ThrowIfClosed()
    {
        if (_failure is not null)
        {
            throw new XenStoreException(_failure.Error, _failure.Message, _failure);
        }
    }

    private void ThrowIfLost()
    {
        if (_state == RunState.Lost || (_state == RunState.Resuming && _lostReason is not null))
        {
            throw Lost();
        }
    }

    private XenStoreException Lost() => new(XenStoreError.ConnectionClosed, $"the connection was lost{(_lostReason is null ? "" : ": " + _lostReason.Message)}", _lostReason);

    private void ThrowIfNotSuspended()
    {
        if (_state != RunState.Suspended)
        {
            throw new InvalidOperationException("The connection is not suspended.");
        }
    }
}
