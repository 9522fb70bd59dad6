using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Start, and the ring's part of suspend and resume.</summary>
internal sealed partial class XenStoreConnection
{
    /// <summary>Opens the transport, resets watches of a predecessor where that is due, and lets requests through.</summary>
    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        await OpenTransportAsync(_pump.Transport, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        Enter(RunState.Resuming);
        StartReading();
        await _setup.ResetOldWatchesAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        Enter(RunState.Running);
        SendQueued();
    }

    /// <summary>
    /// Holds new requests back, waits until every request is answered and every transaction has ended, and stops the reader where no
    /// message is cut. If that does not come about, everything goes on as before.
    /// </summary>
    public async ValueTask SuspendAsync(CancellationToken cancellationToken)
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
                state = string.Create(CultureInfo.InvariantCulture, $"{_transactions.Count} transactions open, {DescribeState()}");
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

        await _pump.StopReadingAsync().ConfigureAwait(EventLoop.IsCurrent);
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
            await _pump.FinishMessageAsync(both.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException)
        {
            int held = _pump.HeldBytes;
            CancelSuspend();
            cancellationToken.ThrowIfCancellationRequested();
            throw new XenStoreException(XenStoreError.TimedOut, string.Create(CultureInfo.InvariantCulture,
                $"xenstored wrote {held} bytes of a message and not the rest of it in "
                + $"{Options.RequestTimeLimit.TotalSeconds:0.##} s before a suspend"));
        }
        catch (Exception failure)
        {
            Lose(_pump, MessagePump.Failure("reading from", failure));
        }
    }

    /// <summary>Goes on as if nothing had happened: the suspend was cancelled, the ring is as it was.</summary>
    public void CancelSuspend()
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
    public async ValueTask ResumeAsync(IXenStoreTransport transport, CancellationToken cancellationToken)
    {
        MessagePump old;
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            old = _pump;
        }

        await OpenTransportAsync(transport, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            RestartTimeLimits();
        }

        await old.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
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
            _pump = new(transport, this, _gate, Options.Loop);
            _state = RunState.Resuming;
            epoch = ++_epoch;
            leftOpen = _transactions.Lost;
            StartTicking();
        }

        StartReading();
        try
        {
            await _setup.ResetOldWatchesAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
            // What is wrong shows in the registration of the watches, and there it is reported.
        }

        // No other of ours is open that could have the same number.
        await _setup.EndTransactionsAsync(leftOpen).ConfigureAwait(EventLoop.IsCurrent);
        await RegisterWatchesAgainAsync(epoch).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            ThrowIfClosed();
            if (_epoch != epoch || _state != RunState.Resuming)
            {
                throw Lost();
            }

            _transactions.ForgetLost();
            _lostReason = null;
            _state = RunState.Running;
            StartTicking();
        }

        SendQueued();
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

    private async ValueTask RegisterWatchesAgainAsync(int epoch)
    {
        List<XenStoreWatch> watches;
        lock (_gate)
        {
            watches = _watches.ListRegistered();
        }

        await Task.WhenAll(watches.ConvertAll(RegisterAsync)).ConfigureAwait(EventLoop.IsCurrent);

        async Task RegisterAsync(XenStoreWatch watch)
        {
            if (await _setup.RegisterAsync(watch).ConfigureAwait(EventLoop.IsCurrent) is { } refusal)
            {
                lock (_gate)
                {
                    if (_epoch != epoch)
                    {
                        // Lost again: it is registered over the next transport.
                        return;
                    }

                    _watches.Remove(watch);
                }

                watch.End(refusal);
                return;
            }

            watch.AddEverything();
        }
    }

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
                || (!_pump.IsWriting && _pending.OutstandingCount == 0 && _transactions.Count == 0
                    && (_state == RunState.Quiescing || !_pending.HasQueued))))
        {
            _quiet.TrySetResult();
            _quiet = null;
        }
    }

    /// <summary>The time a domain was not running does not count against its requests.</summary>
    private void RestartTimeLimits()
    {
        _pending.RestartTimeLimits();
        if (_pending.HasQueued)
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

    private XenStoreException Lost() => new(
        XenStoreError.ConnectionClosed, $"the connection was lost{(_lostReason is null ? "" : ": " + _lostReason.Message)}", _lostReason);

    private void ThrowIfNotSuspended()
    {
        if (_state != RunState.Suspended)
        {
            throw new InvalidOperationException("The connection is not suspended.");
        }
    }
}
