using System.Globalization;
using System.Text;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// Carries requests over a transport: queue, one reader, matching of replies, time limits, watches, suspend. All state is guarded by
/// one gate that is never held while waiting, and no caller's code runs under it or on the reader.
/// </summary>
/// <remarks>
/// What a broken peer leads to. The connection stays healthy where the stream's framing does: a reply of the wrong type, or with a
/// payload of the wrong form, fails its request (<see cref="XenStoreError.ProtocolViolation"/>); a message with an unknown id is
/// dropped and counted; so is a watch event without a watch or that is not two strings; one whose path breaks a rule becomes
/// "look at everything". A message that is too long, impossible ring indexes and the stream's end end it, with the reason for every
/// waiter: for good, or until there is another one where the client knows how to get it.
/// </remarks>
internal sealed partial class XenStoreConnection : IAsyncDisposable
{
    /// <summary>Messages handled without letting other work run: a flood must not keep the only processor.</summary>
    private const int MessagesPerTurn = 256;

    private static readonly TimeSpan LongestTick = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How often a client that comes back looks for a failure when nothing is under way: a xenstored that begins with the ring anew says
    /// so to nobody.
    /// </summary>
    private static readonly TimeSpan IdleTick = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly OutstandingRequest[] _outstanding;
    private readonly byte[] _message = new byte[XenStoreHeader.Size + XenStoreLimits.MaxPayload];
    private readonly ITimer _timer;
    private readonly TimeSpan _tick;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<uint> _openTransactions = [];

    private IXenStoreTransport _transport;
    private XenStoreMessageBuffer _received = new();
    private CancellationTokenSource _stop = new();
    private Task _reader = Task.CompletedTask;
    private RequestQueue _queue;
    private RunState _state = RunState.Suspended;
    private uint _nextRequestId;
    private int _outstandingCount;
    private int _startingTransactions;
    private bool _writing;
    private bool _ticking;
    private TaskCompletionSource? _quiet;
    private XenStoreException? _failure;

    // Counts the transports: what an old one's reader or writer still says is not about the present one.
    private int _epoch;
    private long _requests;
    private long _replies;
    private long _unmatchedReplies;

    internal XenStoreConnection(IXenStoreTransport transport, XenStoreClientOptions options)
    {
        Options = options.Loop is { } loop ? options with { TimeProvider = loop.ClockFor(options.TimeProvider) } : options;
        _transport = transport;
        _outstanding = new OutstandingRequest[options.MaxOutstanding];
        // A ring may still hold replies for a predecessor: they must not have our ids.
        _nextRequestId = (uint)Random.Shared.NextInt64(1, uint.MaxValue);
        _tokenPrefix = (uint)Random.Shared.NextInt64(0, 1L << 32);
        _tick = options.RequestTimeLimit == Timeout.InfiniteTimeSpan || options.RequestTimeLimit > 4 * LongestTick
            ? LongestTick
            : TimeSpan.FromMilliseconds(Math.Max(5, options.RequestTimeLimit.TotalMilliseconds / 4));
        _timer = Options.TimeProvider.CreateTimer(
            static state => ((XenStoreConnection)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private enum RunState
    {
        /// <summary>Everything goes.</summary>
        Running,

        /// <summary>Only what belongs to open transactions is sent, so that they can end.</summary>
        Quiescing,

        /// <summary>Nothing is sent or read.</summary>
        Suspended,

        /// <summary>There is no transport; requests are queued until there is one, or their time is up.</summary>
        Lost,

        /// <summary>Only urgent requests are sent: the watches' registration.</summary>
        Resuming,

        /// <summary>Disposed of: everybody has been told, and the ring is being left as a successor can use it.</summary>
        Draining,

        /// <summary>Ended, with a reason.</summary>
        Closed,
    }

    internal XenStoreClientOptions Options { get; }

    /// <summary>Completes when the connection has ended; never faults.</summary>
    internal Task Closed => _closed.Task;

    /// <summary>Why the connection has ended, or <see langword="null"/> while it has not.</summary>
    internal XenStoreException? ClosedReason
    {
        get
        {
            lock (_gate)
            {
                return _failure;
            }
        }
    }

    internal IXenStoreTransport Transport
    {
        get
        {
            lock (_gate)
            {
                return _transport;
            }
        }
    }

    internal XenStoreStatistics Statistics
    {
        get
        {
            lock (_gate)
            {
                return new(_requests, _replies, _watchEvents, _unmatchedReplies, _unmatchedEvents, _malformedEvents);
            }
        }
    }

    /// <summary>Queues a request, or fails it at once when the connection has ended.</summary>
    internal void Submit(Request request)
    {
        if (request.PayloadLength > XenStoreLimits.MaxPayload)
        {
            XenStoreException tooLarge = request.Failure(XenStoreError.E2BIG, string.Create(CultureInfo.InvariantCulture,
                $"the payload has {request.PayloadLength} bytes, the protocol allows {XenStoreLimits.MaxPayload}"));
            lock (_gate)
            {
                Fail(request, tooLarge);
            }

            return;
        }

        lock (_gate)
        {
            if (_failure is not null)
            {
                Fail(request, ClosedFailure(request, _failure));
                return;
            }

            request.State = RequestState.Queued;
            request.Started = Options.TimeProvider.GetTimestamp();
            if (request.Urgent)
            {
                _queue.AddFirst(request);
            }
            else
            {
                _queue.Add(request);
            }

            StartTicking();
        }

        SendQueued();
    }

    /// <summary>Lets go of a request: one that is queued is not sent, the reply of one that was is thrown away when it comes.</summary>
    internal void Cancel(Request request, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (request.State is RequestState.Queued or RequestState.Sent)
            {
                Abandon(request, new OperationCanceledException(cancellationToken));
            }
        }
    }

    /// <summary>Ends the connection: everybody who waits, and whoever asks later, gets <paramref name="reason"/>.</summary>
    internal void Close(XenStoreException reason)
    {
        lock (_gate)
        {
            if (_state == RunState.Closed)
            {
                return;
            }

            _state = RunState.Closed;
            FailAll(reason);
            _outstanding.AsSpan().Clear();
            _outstandingCount = 0;
            _startingTransactions = 0;
            _openTransactions.Clear();
            _watches.Clear();
            CheckQuiet();
        }

        _stop.Cancel();
        _end.Cancel();
        _closed.TrySetResult();
        _timer.Dispose();
        // A socket's server should learn of the end now, and a write that waits for room must not wait for ever.
        _ = DisposeTransportAsync(Transport);
    }

    public async ValueTask DisposeAsync()
    {
        XenStoreException reason = new(XenStoreError.ConnectionClosed, "the client was disposed of");
        await DrainAsync(reason).ConfigureAwait(EventLoop.IsCurrent);
        Close(reason);
        await _reader.ConfigureAwait(EventLoop.IsCurrent);
        await _comingBack.ConfigureAwait(EventLoop.IsCurrent);
        await DisposeTransportAsync(Transport).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Gives everybody who waits <paramref name="reason"/>. Requests that were sent stay outstanding.</summary>
    private void FailAll(XenStoreException reason)
    {
        _failure ??= reason;
        while (_queue.First is { } queued)
        {
            _queue.Remove(queued);
            Fail(queued, ClosedFailure(queued, _failure));
        }

        foreach (ref OutstandingRequest entry in _outstanding.AsSpan())
        {
            if (entry.Waiter is { } waiter)
            {
                entry.Waiter = null;
                Fail(waiter, ClosedFailure(waiter, _failure));
            }
        }

        foreach (XenStoreWatch watch in _watches.Values)
        {
            watch.End(_failure);
        }
    }

    private static async Task DisposeTransportAsync(IXenStoreTransport transport)
    {
        try
        {
            await transport.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The connection is over in any case, and its reason is known.
        }
    }

    /// <summary>Starts the reader. Called without the gate, in a state in which no reader runs.</summary>
    private void StartReading()
    {
        IXenStoreTransport transport;
        CancellationToken stop;
        int epoch;
        lock (_gate)
        {
            if (_state is RunState.Closed or RunState.Lost)
            {
                return;
            }

            _stop = new();
            stop = _stop.Token;
            transport = _transport;
            epoch = _epoch;
        }

        _reader = EventLoop.RunAsync(Options.Loop, () => ReadAllAsync(transport, epoch, stop));
    }

    private async Task ReadAllAsync(IXenStoreTransport transport, int epoch, CancellationToken stop)
    {
        try
        {
            int turn = 0;
            while (true)
            {
                int count = await transport.ReadAsync(_received.GetFree(), stop).ConfigureAwait(EventLoop.IsCurrent);
                if (count == 0)
                {
                    throw ClosedByServer();
                }

                _received.Advance(count);
                while (TakeMessage())
                {
                    turn++;
                }

                if (stop.IsCancellationRequested)
                {
                    return;
                }

                SendQueued();
                if (turn >= MessagesPerTurn)
                {
                    turn = 0;
                    await Task.Yield();
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            // Whatever it was: no waiter may be left without an answer.
            Lose(failure as XenStoreException ?? new(XenStoreError.ConnectionClosed, $"reading from xenstored failed: {failure.Message}", failure), epoch);
        }
    }

    private XenStoreException ClosedByServer() => new(
        XenStoreError.ConnectionClosed,
        _received.Count == 0
            ? "xenstored closed the connection"
            : string.Create(CultureInfo.InvariantCulture, $"xenstored closed the connection after {_received.Count} bytes of a message"));

    private bool TakeMessage()
    {
        if (!_received.TryTake(out XenStoreHeader header, out ReadOnlySpan<byte> body))
        {
            return false;
        }

        lock (_gate)
        {
            if (_state is RunState.Closed or RunState.Lost)
            {
                return false;
            }

            if (header.Type == XenStoreMessageType.WatchEvent)
            {
                TakeWatchEvent(body);
            }
            else
            {
                TakeReply(header, body);
            }
        }

        return true;
    }

    private void TakeReply(XenStoreHeader header, ReadOnlySpan<byte> body)
    {
        int index = FindOutstanding(header.RequestId);
        if (index < 0)
        {
            _unmatchedReplies++;
            return;
        }

        _replies++;
        OutstandingRequest entry = _outstanding[index];
        _outstanding[index] = default;
        _outstandingCount--;
        _startingTransactions -= entry.Type == XenStoreMessageType.TransactionStart ? 1 : 0;
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
        if (entry.Waiter is not null)
        {
            HandOver(entry.Waiter);
        }

        CheckQuiet();
    }

    /// <summary>Keeps the books on transactions, and undoes what an abandoned request has left in the server.</summary>
    private void Follow(in OutstandingRequest entry, ReadOnlySpan<byte> body, bool isGood)
    {
        switch (entry.Type)
        {
            case XenStoreMessageType.TransactionEnd:
                _openTransactions.Remove(entry.TransactionId);
                break;
            case XenStoreMessageType.TransactionStart when isGood && TryReadTransactionId(body, out uint id):
                _openTransactions.Add(id);
                if (entry.Waiter is null)
                {
                    Enqueue(XenStoreMessageType.TransactionEnd, id, "F", null);
                }

                break;
            case XenStoreMessageType.Watch when isGood && entry.Waiter is null:
                Enqueue(XenStoreMessageType.Unwatch, 0, entry.Subject, entry.Second);
                break;
            case XenStoreMessageType.Watch when isGood:
                ConfirmWatch(entry.Second!);
                break;
        }
    }

    private static bool TryReadTransactionId(ReadOnlySpan<byte> body, out uint id)
    {
        try
        {
            id = Decoders.ReadTransactionId(body);
            return true;
        }
        catch (DecodeException)
        {
            id = 0;
            return false;
        }
    }

    /// <summary>Queues a request that nobody waits for.</summary>
    private void Enqueue(XenStoreMessageType type, uint transaction, string? subject, string? second)
    {
        Request request = Request<bool>.Rent(this, type, transaction, subject, second, default, Decoders.Done, default, false);
        request.State = RequestState.Queued;
        request.Started = Options.TimeProvider.GetTimestamp();
        _queue.Add(request);
        StartTicking();
    }

    /// <summary>
    /// Sends what may be sent. One caller at a time writes, the others leave their requests to it. With a loop it is the loop that
    /// writes: one who has to wait for room holds up all requests until it goes on.
    /// </summary>
    private void SendQueued()
    {
        if (Options.Loop is { } loop && loop != EventLoop.Current)
        {
            loop.Post(static connection => ((XenStoreConnection)connection!).SendQueued(), this);
            return;
        }

        while (true)
        {
            int length;
            IXenStoreTransport transport;
            CancellationToken stop;
            int epoch;
            lock (_gate)
            {
                if (_writing || FindSendable() is not { } request)
                {
                    return;
                }

                _queue.Remove(request);
                length = Encode(request);
                _writing = true;
                transport = _transport;
                stop = _stop.Token;
                epoch = _epoch;
            }

            try
            {
                ValueTask write = transport.WriteAsync(_message.AsMemory(0, length), stop);
                if (!write.IsCompletedSuccessfully)
                {
                    _ = FinishWriteAsync(write, epoch);
                    return;
                }

                write.GetAwaiter().GetResult();
            }
            catch (Exception failure)
            {
                LoseAfterWrite(failure, epoch);
                return;
            }

            WriteFinished(epoch);
        }
    }

    private async Task FinishWriteAsync(ValueTask write, int epoch)
    {
        try
        {
            await write.ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure)
        {
            LoseAfterWrite(failure, epoch);
            return;
        }

        WriteFinished(epoch);
        SendQueued();
    }

    private void WriteFinished(int epoch)
    {
        lock (_gate)
        {
            if (epoch == _epoch)
            {
                _writing = false;
                CheckQuiet();
            }
        }
    }

    private void LoseAfterWrite(Exception failure, int epoch) => Lose(
        failure as XenStoreException ?? new(XenStoreError.ConnectionClosed, $"writing to xenstored failed: {failure.Message}", failure), epoch);

    private Request? FindSendable()
    {
        if (_outstandingCount == _outstanding.Length)
        {
            return null;
        }

        switch (_state)
        {
            case RunState.Running:
            case RunState.Draining:
                return FirstWithRoom();
            case RunState.Resuming:
                return _queue.First is { Urgent: true } urgent ? urgent : null;
            case RunState.Quiescing:
                Request? request = _queue.First;
                while (request is not null && request.TransactionId == 0)
                {
                    request = request.Next;
                }

                return request;
            default:
                return null;
        }
    }

    /// <summary>
    /// The first request in the queue; while all transactions that may be open are, those that begin another stand aside.
    /// </summary>
    private Request? FirstWithRoom()
    {
        Request? request = _queue.First;
        if (request?.Type != XenStoreMessageType.TransactionStart || _openTransactions.Count + _startingTransactions < Options.MaxTransactions)
        {
            return request;
        }

        while (request is { Type: XenStoreMessageType.TransactionStart })
        {
            request = request.Next;
        }

        return request;
    }

    /// <summary>Gives the request an id and a place among the outstanding ones, and writes it to the message buffer.</summary>
    private int Encode(Request request)
    {
        int index = 0;
        while (_outstanding[index].InUse)
        {
            index++;
        }

        do
        {
            _nextRequestId++;
        }
        while (_nextRequestId == 0 || FindOutstanding(_nextRequestId) >= 0);

        _outstanding[index] = new()
        {
            InUse = true,
            RequestId = _nextRequestId,
            TransactionId = request.TransactionId,
            Type = request.Type,
            Subject = request.Subject,
            Second = request.Second,
            Waiter = request,
        };
        _outstandingCount++;
        _startingTransactions += request.Type == XenStoreMessageType.TransactionStart ? 1 : 0;
        _requests++;
        request.State = RequestState.Sent;
        int length = request.PayloadLength;
        new XenStoreHeader(request.Type, _nextRequestId, request.TransactionId, (uint)length).Write(_message);
        request.WritePayload(_message.AsSpan(XenStoreHeader.Size));
        return XenStoreHeader.Size + length;
    }

    private int FindOutstanding(uint requestId)
    {
        for (int i = 0; i < _outstanding.Length; i++)
        {
            if (_outstanding[i].InUse && _outstanding[i].RequestId == requestId)
            {
                return i;
            }
        }

        return -1;
    }

    private void Abandon(Request request, Exception failure)
    {
        if (request.State == RequestState.Queued)
        {
            _queue.Remove(request);
            if (request.Type is XenStoreMessageType.TransactionEnd or XenStoreMessageType.Unwatch)
            {
                // The server must hear of it all the same.
                string? subject = request.Type == XenStoreMessageType.TransactionEnd ? "F" : request.Subject;
                Request substitute = Request<bool>.Rent(
                    this, request.Type, request.TransactionId, subject, request.Second, default, Decoders.Done, default, false);
                substitute.State = RequestState.Queued;
                substitute.Started = long.MaxValue;
                _queue.Add(substitute);
            }
        }
        else
        {
            foreach (ref OutstandingRequest entry in _outstanding.AsSpan())
            {
                if (entry.Waiter == request)
                {
                    entry.Waiter = null;
                }
            }
        }

        Fail(request, failure);
    }

    private static void Fail(Request request, Exception failure)
    {
        request.SetFailure(failure);
        HandOver(request);
    }

    private static void HandOver(Request request)
    {
        request.State = RequestState.Done;
        if (request.Loop is { } loop)
        {
            loop.Queue(request);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(request, preferLocal: false);
        }
    }

    private static XenStoreException ClosedFailure(Request request, XenStoreException reason) =>
        request.Failure(reason.Error == XenStoreError.ProtocolViolation ? reason.Error : XenStoreError.ConnectionClosed, reason.Message, reason);

    private void StartTicking()
    {
        if (!_ticking && _state is not (RunState.Closed or RunState.Suspended))
        {
            _ticking = true;
            _timer.Change(_tick, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Ends requests that have taken too long, and asks the transport about failures that it cannot report otherwise.</summary>
    private void Tick()
    {
        XenStoreException? fault = null;
        int epoch;
        lock (_gate)
        {
            epoch = _epoch;
            _ticking = false;
            if (_state is RunState.Closed or RunState.Suspended)
            {
                return;
            }

            if (_outstandingCount > 0 || (_connect is not null && _state == RunState.Running))
            {
                fault = _transport.FindFault();
            }

            if (fault is null)
            {
                ExpireRequests();
                if (_outstandingCount > 0 || _queue.First is not null)
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
            Lose(fault, epoch);
        }
    }

    private void ExpireRequests()
    {
        if (Options.RequestTimeLimit == Timeout.InfiniteTimeSpan)
        {
            return;
        }

        for (int i = 0; i < _outstanding.Length; i++)
        {
            if (_outstanding[i].Waiter is { } waiter && IsExpired(waiter))
            {
                Abandon(waiter, TimeOut(waiter, "sent and not answered"));
            }
        }

        Request? request = _queue.First;
        while (request is not null)
        {
            Request? next = request.Next;
            if (IsExpired(request))
            {
                Abandon(request, TimeOut(request, _state == RunState.Running ? "still queued" : "still queued while the connection is suspended"));
            }

            request = next;
        }
    }

    private bool IsExpired(Request request) =>
        request.Started != long.MaxValue && Options.TimeProvider.GetElapsedTime(request.Started) >= Options.RequestTimeLimit;

    private XenStoreException TimeOut(Request request, string where) => request.Failure(XenStoreError.TimedOut, string.Create(
        CultureInfo.InvariantCulture,
        $"{where} after {Options.TimeProvider.GetElapsedTime(request.Started).TotalSeconds:0.0##} s; {DescribeState()}"));

    private string DescribeState()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{_outstandingCount} requests unanswered");
        if (_writing)
        {
            text.Append(", one of them not yet wholly written");
        }

        return text.Append("; ").Append(_transport.Describe()).ToString();
    }
}
