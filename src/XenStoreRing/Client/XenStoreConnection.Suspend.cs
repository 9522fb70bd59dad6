using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Start, and the ring's part of suspend and resume.</summary>
internal sealed partial class XenStoreConnection
{
    /// <summary>Opens the transport, resets a predecessor's watches if required, and lets requests through.</summary>
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
    /// Holds new requests back, waits until every request is answered and every transaction has ended, and stops the reader between
    /// messages. If that fails, everything continues as before.
    /// </summary>
    public async ValueTask SuspendAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            ThrowIfClosed();
            ThrowIfLost();
            if (_state != RunState.Running)
            {
                throw new InvalidOperationException("The connection is already suspended or being suspended.");
            }

            _state = RunState.Quiescing;
            _idle = idle;
            CheckIdle();
        }

        SendQueued();
        try
        {
            await EventLoop.OnLoop(idle.Task)
                .WaitAsync(Options.RequestTimeLimit, Options.TimeProvider, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure) when (failure is TimeoutException or OperationCanceledException)
        {
            string state;
            lock (_lock)
            {
                _idle = null;
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
                $"xenstore did not become idle for a suspend within {Options.RequestTimeLimit.TotalSeconds:0.##} s: {state}"));
        }

        lock (_lock)
        {
            ThrowIfClosed();
            ThrowIfLost();
            _state = RunState.Suspended;
        }

        await _pump.StopReadingAsync().ConfigureAwait(EventLoop.IsCurrent);
        await FinishMessageBeforeSuspendAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_lock)
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

    /// <summary>Continues as before: the suspend was cancelled, and the ring is unchanged.</summary>
    public void CancelSuspend()
    {
        lock (_lock)
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
    /// Continues over a new transport. Every watch is registered again and gives an event with MustRescan. If no xenstored answers, the
    /// connection stays suspended.
    /// </summary>
    public async ValueTask ResumeAsync(IXenStoreTransport transport, CancellationToken cancellationToken)
    {
        MessagePump old;
        lock (_lock)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            old = _pump;
        }

        await OpenTransportAsync(transport, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_lock)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            RestartTimeLimits();
        }

        await old.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        // Nothing is cancelled from here on, or a watch could be lost silently. Each request has its time limit.
        await ContinueOverAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Makes an open transport the connection's, and sets up over it what the server must know.</summary>
    /// <exception cref="XenStoreException">The connection was lost or disposed meanwhile.</exception>
    private async ValueTask ContinueOverAsync(IXenStoreTransport transport)
    {
        uint[] leftOpen;
        int epoch;
        lock (_lock)
        {
            ThrowIfClosed();
            _pump = new(transport, this, _lock, Options.Loop);
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
            // A failure will show, and be reported, when the watches are registered.
        }

        // No other transaction of this client is open that could have the same id.
        await _setup.EndTransactionsAsync(leftOpen).ConfigureAwait(EventLoop.IsCurrent);
        await RegisterWatchesAgainAsync(epoch).ConfigureAwait(EventLoop.IsCurrent);
        lock (_lock)
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
        lock (_lock)
        {
            watches = _watches.ListRegistered();
        }

        await Task.WhenAll(watches.ConvertAll(RegisterAsync)).ConfigureAwait(EventLoop.IsCurrent);

        async Task RegisterAsync(XenStoreWatch watch)
        {
            if (await _setup.RegisterAsync(watch).ConfigureAwait(EventLoop.IsCurrent) is { } refusal)
            {
                lock (_lock)
                {
                    if (_epoch != epoch)
                    {
                        // Lost again: it will be registered over the next transport.
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
        lock (_lock)
        {
            if (_failure is not null)
            {
                return;
            }

            _state = state;
            StartTicking();
        }
    }

    /// <summary>Notifies a suspend that nothing is in progress any more.</summary>
    private void CheckIdle()
    {
        if (_idle is not null
            && (_state == RunState.Closed
                || (!_pump.IsWriting && _pending.OutstandingCount == 0 && _transactions.Count == 0
                    && (_state == RunState.Quiescing || !_pending.HasQueued))))
        {
            _idle.TrySetResult();
            _idle = null;
        }
    }

    /// <summary>Time during which the domain did not run does not count against its requests.</summary>
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
