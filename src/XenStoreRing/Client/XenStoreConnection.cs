using System.Globalization;
using System.Text;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// Carries requests over a transport: queue, one reader, matching of replies, time limits, watches, suspend. One lock guards all state. It
/// is never held while waiting, and no caller's code runs under it or on the reader.
/// </summary>
/// <remarks>
/// How a broken peer is handled. The connection stays healthy as long as the stream's framing does: a reply of the wrong type, or with a
/// malformed payload, fails its request (<see cref="XenStoreError.ProtocolViolation"/>); a message with an unknown id is dropped and
/// counted, as is a watch event without a watch or that is not two strings; an event whose path breaks a rule sets <c>MustRescan</c>.
/// A message that is too long, impossible ring indexes, and the end of the stream end the connection, with the reason for every waiter: for
/// good, or until the client gets another transport if it knows how.
/// </remarks>
internal sealed partial class XenStoreConnection : IPumpOwner, IAsyncDisposable
{
    private static readonly TimeSpan LongestTick = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How often a client that reconnects checks for a failure when nothing is in progress: a xenstored that sets the ring up again
    /// notifies nobody.
    /// </summary>
    private static readonly TimeSpan IdleTick = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly PendingRequests _pending;
    private readonly ServerSetup _setup;
    private readonly ITimer _timer;
    private readonly TimeSpan _tick;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly OpenTransactions _transactions = new();

    // Carries the messages of the current or the last transport. What an earlier one still reports does not concern the connection.
    private MessagePump _pump;
    private RunState _state = RunState.Suspended;
    private bool _isTicking;
    private TaskCompletionSource? _idle;
    private XenStoreException? _failure;

    // Counts the transports, and the periods without one.
    private int _epoch;
    private long _unmatchedReplies;

    public XenStoreConnection(IXenStoreTransport transport, XenStoreClientOptions options)
    {
        Options = options.Loop is { } loop ? options with { TimeProvider = loop.ClockFor(options.TimeProvider) } : options;
        _pump = new(transport, this, _lock, Options.Loop);
        // A ring may still hold replies for a predecessor, which must not have this connection's ids.
        _pending = new(Options, lastId: (uint)Random.Shared.NextInt64(1, uint.MaxValue));
        _setup = new(this);
        _watches = new(Options, UnwatchAsync, tokenPrefix: (uint)Random.Shared.NextInt64(0, 1L << 32));
        _tick = options.RequestTimeLimit == Timeout.InfiniteTimeSpan || options.RequestTimeLimit > 4 * LongestTick
            ? LongestTick
            : TimeSpan.FromMilliseconds(Math.Max(5, options.RequestTimeLimit.TotalMilliseconds / 4));
        _timer = Options.TimeProvider.CreateTimer(
            static state => ((XenStoreConnection)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private enum RunState
    {
        /// <summary>All requests are sent.</summary>
        Running,

        /// <summary>Only requests of open transactions are sent, so that these can end.</summary>
        Quiescing,

        /// <summary>Nothing is sent or read.</summary>
        Suspended,

        /// <summary>There is no transport. Requests are queued until there is one or their time limit expires.</summary>
        Lost,

        /// <summary>Only urgent requests are sent: the registration of the watches.</summary>
        Resuming,

        /// <summary>Disposed: all waiters have been failed, and the ring is being left clean for a successor.</summary>
        Draining,

        /// <summary>Ended, with a reason.</summary>
        Closed,
    }

    public XenStoreClientOptions Options { get; }

    /// <summary>Completes when the connection has ended. Never faults.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Why the connection has ended, or <see langword="null"/> while it has not.</summary>
    public XenStoreException? ClosedReason
    {
        get
        {
            lock (_lock)
            {
                return _failure;
            }
        }
    }

    public IXenStoreTransport Transport
    {
        get
        {
            lock (_lock)
            {
                return _pump.Transport;
            }
        }
    }

    public XenStoreStatistics Statistics
    {
        get
        {
            lock (_lock)
            {
                return new(
                    _pending.Sent, _pending.Answered, _watches.Events,
                    _unmatchedReplies, _watches.UnmatchedEvents, _watches.MalformedEvents);
            }
        }
    }

    /// <summary>Queues a request, or fails it at once if the connection has ended.</summary>
    public void Submit(Request request)
    {
        if (request.Message.PayloadLength > XenStoreLimits.MaxPayload)
        {
            XenStoreException tooLarge = request.Failure(XenStoreError.E2BIG, string.Create(CultureInfo.InvariantCulture,
                $"the payload has {request.Message.PayloadLength} bytes, the protocol allows {XenStoreLimits.MaxPayload}"));
            lock (_lock)
            {
                request.Fail(tooLarge);
            }

            return;
        }

        lock (_lock)
        {
            if (_failure is not null)
            {
                request.FailClosed(_failure);
                return;
            }

            _pending.Add(request);
            StartTicking();
        }

        SendQueued();
    }

    /// <summary>Cancels a request. If it is queued, it is not sent; if it was sent, its reply is dropped when it arrives.</summary>
    public void Cancel(Request request, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (request.State is RequestState.Queued or RequestState.Sent)
            {
                _pending.Abandon(request, new OperationCanceledException(cancellationToken));
            }
        }
    }

    /// <summary>
    /// Ends the connection. All waiters and later callers get <paramref name="reason"/>.
    /// </summary>
    public void Close(XenStoreException reason)
    {
        MessagePump pump;
        lock (_lock)
        {
            if (_state == RunState.Closed)
            {
                return;
            }

            _state = RunState.Closed;
            FailAll(reason);
            _pending.ForgetOutstanding();
            _transactions.Clear();
            _watches.Clear();
            CheckIdle();
            pump = _pump;
        }

        pump.Stop();
        _end.Cancel();
        _closed.TrySetResult();
        _timer.Dispose();
        // A socket's server should learn of the end now, and a write that waits for room must not wait forever.
        _ = MessagePump.DisposeAsync(pump.Transport).AsTask();
    }

    public async ValueTask DisposeAsync()
    {
        XenStoreException reason = new(XenStoreError.ConnectionClosed, "the client was disposed of");
        await DrainAsync(reason).ConfigureAwait(EventLoop.IsCurrent);
        Close(reason);
        await _pump.Reader.ConfigureAwait(EventLoop.IsCurrent);
        await _reconnecting.ConfigureAwait(EventLoop.IsCurrent);
        await _pump.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>
    /// Fails all waiters with <paramref name="reason"/>. Requests that were sent stay outstanding.
    /// </summary>
    private void FailAll(XenStoreException reason)
    {
        _failure ??= reason;
        while (_pending.TakeAny() is { } request)
        {
            request.FailClosed(_failure);
        }

        _watches.End(_failure);
    }

    /// <summary>Starts the reader. Called without the lock, in a state in which no reader runs.</summary>
    private void StartReading()
    {
        MessagePump pump;
        lock (_lock)
        {
            if (_state is RunState.Closed or RunState.Lost)
            {
                return;
            }

            pump = _pump;
            pump.Prepare();
        }

        pump.Start();
    }

    /// <inheritdoc/>
    public bool OnMessage(MessagePump pump, in XenStoreHeader header, ReadOnlySpan<byte> body)
    {
        if (pump != _pump || _state is RunState.Closed or RunState.Lost)
        {
            return false;
        }

        if (header.Type == XenStoreMessageType.WatchEvent)
        {
            _watches.Deliver(body);
        }
        else
        {
            TakeReply(header, body);
        }

        return true;
    }

    private void TakeReply(XenStoreHeader header, ReadOnlySpan<byte> body)
    {
        if (!_pending.TryTake(header.RequestId, out OutstandingRequest entry))
        {
            _unmatchedReplies++;
            return;
        }

        bool isError = header.Type == XenStoreMessageType.Error;
        bool isGood = header.Type == entry.Type;
        if (entry.Waiter is { } waiter)
        {
            if (isError)
            {
                waiter.SetError(XenStoreErrorNames.Parse(body, out string name), name);
            }
            else if (isGood)
            {
                waiter.SetReply(body);
            }
            else
            {
                waiter.SetFailure(waiter.Failure(XenStoreError.ProtocolViolation,
                    $"the reply has the type of {header.Type.ToWireName()}"));
            }
        }

        Follow(entry, isGood ? body : default, isGood);
        entry.Waiter?.HandOver();
        CheckIdle();
    }

    /// <summary>Tracks transactions, and undoes what an abandoned request has left in the server.</summary>
    private void Follow(in OutstandingRequest entry, ReadOnlySpan<byte> body, bool isGood)
    {
        switch (entry.Type)
        {
            case XenStoreMessageType.TransactionEnd:
                _transactions.End(entry.TransactionId);
                break;
            case XenStoreMessageType.TransactionStart when isGood && _transactions.TryBegin(body, out uint id):
                if (entry.Waiter is null)
                {
                    Enqueue(RequestMessage.EndTransaction(id, commit: false));
                }

                break;
            case XenStoreMessageType.Watch when isGood && entry.Waiter is null:
                Enqueue(RequestMessage.Unwatch(entry.Subject!, entry.Second!));
                break;
            case XenStoreMessageType.Watch when isGood:
                _watches.Confirm(entry.Second!);
                break;
        }
    }

    /// <summary>Queues a request that nobody waits for.</summary>
    private void Enqueue(in RequestMessage message)
    {
        _pending.Add(Request<bool>.Rent(this, message, Decoders.Done));
        StartTicking();
    }

    /// <summary>
    /// Sends the requests that may be sent. With a loop, the loop writes: a writer that has to wait for room holds up all requests until it
    /// continues.
    /// </summary>
    public void SendQueued()
    {
        if (Options.Loop is { } loop && loop != EventLoop.Current)
        {
            loop.Post(static connection => ((XenStoreConnection)connection!).SendQueued(), this);
            return;
        }

        // A pump that has just been replaced finds nothing: whoever replaced it sends what is queued.
        _pump.Send();
    }

    /// <inheritdoc/>
    public int TakeNext(MessagePump pump, Span<byte> destination) =>
        pump == _pump && FindSendable() is { } request ? _pending.Send(request, destination) : 0;

    /// <inheritdoc/>
    public void OnWritten(MessagePump pump)
    {
        if (pump == _pump)
        {
            CheckIdle();
        }
    }

    private bool MaySend => _pending.CanSend && _pending.OutstandingCount < _pump.Transport.MaxOutstanding;

    private Request? FindSendable() => !MaySend ? null : _state switch
    {
        RunState.Running or RunState.Draining => _pending.First is { Type: XenStoreMessageType.TransactionStart } first
            // While the maximum number of transactions is open, requests that begin another one are skipped.
            ? MayBeginTransaction ? first : _pending.FirstThatBeginsNone()
            : _pending.First,
        RunState.Resuming => _pending.First is { Urgent: true } urgent ? urgent : null,
        RunState.Quiescing => _pending.FirstOfTransaction(),
        _ => null,
    };

    private bool MayBeginTransaction =>
        _transactions.Count + _pending.CountOutstanding(XenStoreMessageType.TransactionStart) < Options.MaxTransactions;

    private void StartTicking()
    {
        if (!_isTicking && _state is not (RunState.Closed or RunState.Suspended))
        {
            _isTicking = true;
            _timer.Change(_tick, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Fails requests that have taken too long, and asks the transport for failures that it cannot report otherwise.</summary>
    private void Tick()
    {
        XenStoreException? fault = null;
        MessagePump pump;
        lock (_lock)
        {
            pump = _pump;
            _isTicking = false;
            if (_state is RunState.Closed or RunState.Suspended)
            {
                return;
            }

            if (_pending.OutstandingCount > 0 || (_connect is not null && _state == RunState.Running))
            {
                fault = pump.Transport.FindFault();
            }

            if (fault is null)
            {
                ExpireRequests();
                if (_pending.OutstandingCount > 0 || _pending.HasQueued)
                {
                    StartTicking();
                }
                else if (_connect is not null)
                {
                    _timer.Change(IdleTick, Timeout.InfiniteTimeSpan);
                }
            }
        }

        if (fault is not null)
        {
            Lose(pump, fault);
        }
    }

    private void ExpireRequests()
    {
        while (_pending.FindExpired() is { } request)
        {
            string where = request.State == RequestState.Sent ? "sent and not answered"
                : _state == RunState.Running ? "still queued"
                : "still queued while the connection is suspended";
            _pending.Abandon(request, request.Failure(XenStoreError.TimedOut, string.Create(CultureInfo.InvariantCulture,
                $"{where} after {Options.TimeProvider.GetElapsedTime(request.Started).TotalSeconds:0.0##} s; {DescribeState()}")));
        }
    }

    private string DescribeState()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{_pending.OutstandingCount} requests unanswered");
        if (_pending.OutstandingCount > 0 && _pump.IsWriting)
        {
            text.Append(", one of them not yet wholly written");
        }

        return text.Append("; ").Append(_pump.Transport.Describe()).ToString();
    }
}
