using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Reconnecting after a lost connection and after a resume.</summary>
internal sealed partial class XenStoreConnection
{
    private readonly CancellationTokenSource _end = new();

    private Func<IXenStoreTransport>? _connect;
    private Task _reconnecting = Task.CompletedTask;
    private bool _isReconnecting;
    private XenStoreException? _lostReason;

    /// <summary>
    /// Called when the connection is lost or cannot be restored, with the reason, and with <see langword="null"/> when it is restored.
    /// </summary>
    public Action<XenStoreException?>? Changed { get; set; }

    /// <summary>Counts the connection's transports. Only the server of the transport that a transaction began on knows it.</summary>
    public int Epoch
    {
        get
        {
            lock (_lock)
            {
                return _epoch;
            }
        }
    }

    /// <summary>The epoch of a transaction that has just begun.</summary>
    /// <exception cref="XenStoreException">It was lost with its connection in the meantime.</exception>
    public int EpochOf(uint transaction)
    {
        lock (_lock)
        {
            ThrowIfClosed();
            return _transactions.Contains(transaction) ? _epoch : throw Lost();
        }
    }

    /// <summary>
    /// From now on, a lost connection is restored over what <paramref name="connect"/> returns.
    /// </summary>
    public void ReconnectWith(Func<IXenStoreTransport> connect)
    {
        lock (_lock)
        {
            _connect = connect;
            StartTicking();
        }
    }

    /// <summary>
    /// Continues after a suspend over the transport that <paramref name="find"/> returns; if it returns none, or no xenstored answers, over
    /// one that it returns later. Cancelling only ends the wait.
    /// </summary>
    public async ValueTask ResumeAsync(Func<IXenStoreTransport> find, CancellationToken cancellationToken)
    {
        Task reconnecting;
        lock (_lock)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            _epoch++;
            _state = RunState.Lost;
            _lostReason = new(XenStoreError.ConnectionClosed, "the domain was resumed, and xenstore is being looked for");
            RestartTimeLimits();
            reconnecting = Reconnect(find);
        }

        await reconnecting.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_lock)
        {
            ThrowIfClosed();
        }
    }

    /// <summary>
    /// The transport of <paramref name="pump"/> has ended. Sent requests fail with the reason, since they may or may not have been carried
    /// out; queued ones wait. Without a way to get another transport, the connection ends for good.
    /// </summary>
    public void Lose(MessagePump pump, XenStoreException reason)
    {
        bool reconnects;
        lock (_lock)
        {
            if (pump != _pump || _state is RunState.Lost or RunState.Closed)
            {
                return;
            }

            reconnects = _state != RunState.Draining && (_isReconnecting || _connect is not null);
            if (reconnects)
            {
                _epoch++;
                _state = RunState.Lost;
                _lostReason = reason;
                FailSent(reason);
                _idle?.TrySetResult();
                _idle = null;
                if (!_isReconnecting)
                {
                    _ = Reconnect(_connect!, reason);
                }
            }
        }

        if (reconnects)
        {
            pump.Stop();
        }
        else
        {
            Close(reason);
        }
    }

    /// <summary>Fails everything that belongs to the ended transport: the sent requests, and the unsent ones of its transactions.</summary>
    private void FailSent(XenStoreException reason)
    {
        while (_pending.TakeBound() is { } request)
        {
            request.FailClosed(reason);
        }

        _pending.ForgetOutstanding();
        _transactions.Lose();
    }

    /// <summary>Starts reconnecting. Called under the lock.</summary>
    private Task Reconnect(Func<IXenStoreTransport> connect, XenStoreException? reason = null)
    {
        _isReconnecting = true;
        return _reconnecting = EventLoop.Start(Options.Loop, () => ReconnectAsync(connect, reason));
    }

    private async Task ReconnectAsync(Func<IXenStoreTransport> connect, XenStoreException? reason)
    {
        string? told = null;
        Report(reason);
        XenStoreRetryPause pause = new();
        while (true)
        {
            // Two transports must never use one ring at a time, and a reader must not find another's buffer.
            await _pump.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            try
            {
                await ConnectOverAsync(connect()).ConfigureAwait(EventLoop.IsCurrent);
                lock (_lock)
                {
                    // If it was lost before this line, reconnecting was left to this loop.
                    _isReconnecting = _state == RunState.Lost;
                    if (_isReconnecting)
                    {
                        throw Lost();
                    }
                }

                Report(null);
                return;
            }
            catch (Exception failure)
            {
                if (_end.IsCancellationRequested)
                {
                    return;
                }

                Report(failure as XenStoreException ?? new(XenStoreError.ConnectionClosed, failure.Message, failure));
            }

            try
            {
                await Task.Delay(pause.Next(), Options.TimeProvider, _end.Token).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        void Report(XenStoreException? what)
        {
            if (what?.Message != told)
            {
                told = what?.Message;
                if (Options.Loop is { } loop)
                {
                    loop.CallProgram(() => Changed?.Invoke(what));
                }
                else
                {
                    Changed?.Invoke(what);
                }
            }
        }
    }

    private async Task ConnectOverAsync(IXenStoreTransport transport)
    {
        try
        {
            await OpenTransportAsync(transport, _end.Token).ConfigureAwait(EventLoop.IsCurrent);
            await ContinueOverAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            await MessagePump.DisposeAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }
    }
}
