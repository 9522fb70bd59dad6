using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>The way back: after a connection that was lost, and after a resume.</summary>
internal sealed partial class XenStoreConnection
{
    private readonly CancellationTokenSource _end = new();

    private Func<IXenStoreTransport>? _connect;
    private Task _comingBack = Task.CompletedTask;
    private bool _isComingBack;
    private XenStoreException? _lostReason;

    /// <summary>
    /// Told when the connection is lost, or does not come back, and why; and with <see langword="null"/> when it is there again.
    /// </summary>
    public Action<XenStoreException?>? Changed { get; set; }

    /// <summary>Counts the transports that the connection has had. A transaction is known to the one it was begun over only.</summary>
    public int Epoch
    {
        get
        {
            lock (_gate)
            {
                return _epoch;
            }
        }
    }

    /// <summary>The epoch of a transaction that has just been begun.</summary>
    /// <exception cref="XenStoreException">It was lost with the connection since.</exception>
    public int EpochOf(uint transaction)
    {
        lock (_gate)
        {
            ThrowIfClosed();
            return _transactions.Contains(transaction) ? _epoch : throw Lost();
        }
    }

    /// <summary>From here on a connection that is lost is made again, over what <paramref name="connect"/> gives.</summary>
    public void ReconnectWith(Func<IXenStoreTransport> connect)
    {
        lock (_gate)
        {
            _connect = connect;
            StartTicking();
        }
    }

    /// <summary>
    /// Goes on, after a suspend, over the transport that <paramref name="find"/> gives; when it gives none, or no xenstored answers,
    /// over the one it gives later. Cancelling ends the waiting only.
    /// </summary>
    public async ValueTask ResumeAsync(Func<IXenStoreTransport> find, CancellationToken cancellationToken)
    {
        Task comingBack;
        lock (_gate)
        {
            ThrowIfClosed();
            ThrowIfNotSuspended();
            _epoch++;
            _state = RunState.Lost;
            _lostReason = new(XenStoreError.ConnectionClosed, "the domain was resumed, and xenstore is being looked for");
            RestartTimeLimits();
            comingBack = ComeBack(find);
        }

        await comingBack.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            ThrowIfClosed();
        }
    }

    /// <summary>
    /// The transport of <paramref name="pump"/> has ended. Whoever waits for an answer gets the reason, since what was sent may have been
    /// carried out or not; what is queued waits. Without a way to get another transport the connection ends for good.
    /// </summary>
    public void Lose(MessagePump pump, XenStoreException reason)
    {
        bool comesBack;
        lock (_gate)
        {
            if (pump != _pump || _state is RunState.Lost or RunState.Closed)
            {
                return;
            }

            comesBack = _state != RunState.Draining && (_isComingBack || _connect is not null);
            if (comesBack)
            {
                _epoch++;
                _state = RunState.Lost;
                _lostReason = reason;
                FailSent(reason);
                _quiet?.TrySetResult();
                _quiet = null;
                if (!_isComingBack)
                {
                    _ = ComeBack(_connect!, reason);
                }
            }
        }

        if (comesBack)
        {
            pump.Stop();
        }
        else
        {
            Close(reason);
        }
    }

    /// <summary>
    /// Fails all that belongs to the transport that has ended: what was sent, and what was to be sent in its transactions.
    /// </summary>
    private void FailSent(XenStoreException reason)
    {
        while (_pending.TakeBound() is { } request)
        {
            request.FailClosed(reason);
        }

        _pending.ForgetOutstanding();
        _transactions.Lose();
    }

    /// <summary>Begins the way back. Called under the gate.</summary>
    private Task ComeBack(Func<IXenStoreTransport> connect, XenStoreException? reason = null)
    {
        _isComingBack = true;
        return _comingBack = EventLoop.Start(Options.Loop, () => ComeBackAsync(connect, reason));
    }

    private async Task ComeBackAsync(Func<IXenStoreTransport> connect, XenStoreException? reason)
    {
        string? told = null;
        Tell(reason);
        XenStoreRetryPause pause = new();
        while (true)
        {
            // Two transports over one ring must not meet, and a reader must not find another's buffer.
            await _pump.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            try
            {
                await ConnectOverAsync(connect()).ConfigureAwait(EventLoop.IsCurrent);
                lock (_gate)
                {
                    // If it was lost before this line, that was left to this loop.
                    _isComingBack = _state == RunState.Lost;
                    if (_isComingBack)
                    {
                        throw Lost();
                    }
                }

                Tell(null);
                return;
            }
            catch (Exception failure)
            {
                if (_end.IsCancellationRequested)
                {
                    return;
                }

                Tell(failure as XenStoreException ?? new(XenStoreError.ConnectionClosed, failure.Message, failure));
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

        void Tell(XenStoreException? what)
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
            await GoOnOverAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            await MessagePump.DisposeAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }
    }
}
