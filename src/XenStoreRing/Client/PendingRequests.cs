namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// The requests of a connection from the call to the answer: those that wait to be sent, in order, and those that are outstanding. Guarded
/// by the connection's gate.
/// </summary>
/// <param name="options">How many may be outstanding, and how long a request may take from the call on.</param>
/// <param name="lastId">The id before the first one on the wire.</param>
internal sealed class PendingRequests(XenStoreClientOptions options, uint lastId)
{
    private readonly OutstandingRequests _outstanding = new(options.MaxOutstanding, lastId);
    private RequestQueue _queue;

    /// <summary>Requests sent so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Replies to them so far.</summary>
    public long Answered { get; private set; }

    public int OutstandingCount => _outstanding.Count;

    public bool HasQueued => _queue.First is not null;

    /// <summary>Whether the server takes another one.</summary>
    public bool CanSend => !_outstanding.IsFull;

    /// <summary>The one that was queued first, or was queued as an urgent one.</summary>
    public Request? First => _queue.First;

    public int CountOutstanding(XenStoreMessageType type) => _outstanding.CountOf(type);

    /// <summary>The first one that belongs to a transaction.</summary>
    public Request? FirstOfTransaction()
    {
        Request? request = _queue.First;
        while (request is { TransactionId: 0 })
        {
            request = request.Next;
        }

        return request;
    }

    /// <summary>The first one that does not begin a transaction.</summary>
    public Request? FirstThatBeginsNone()
    {
        Request? request = _queue.First;
        while (request is { Type: XenStoreMessageType.TransactionStart })
        {
            request = request.Next;
        }

        return request;
    }

    /// <summary>Queues a request, whose time begins.</summary>
    public void Add(Request request)
    {
        request.State = RequestState.Queued;
        request.Started = options.TimeProvider.GetTimestamp();
        if (request.Urgent)
        {
            _queue.AddFirst(request);
        }
        else
        {
            _queue.Add(request);
        }
    }

    /// <summary>Makes a queued request an outstanding one, and writes its message.</summary>
    /// <returns>The message's length.</returns>
    public int Send(Request request, Span<byte> destination)
    {
        _queue.Remove(request);
        request.State = RequestState.Sent;
        Sent++;
        return request.Message.Write(_outstanding.Add(request), destination);
    }

    /// <summary>Takes the request that a reply is for; <see langword="false"/> when none has the id.</summary>
    public bool TryTake(uint requestId, out OutstandingRequest entry)
    {
        bool isFound = _outstanding.TryTake(requestId, out entry);
        Answered += isFound ? 1 : 0;
        return isFound;
    }

    /// <summary>Fails a request: one that is queued is not sent, the reply of one that was has nobody who waits for it.</summary>
    public void Abandon(Request request, Exception failure)
    {
        if (request.State == RequestState.Queued)
        {
            _queue.Remove(request);
            if (request.Type is XenStoreMessageType.TransactionEnd or XenStoreMessageType.Unwatch)
            {
                // The server must hear of it all the same.
                Request substitute = Request<bool>.Rent(
                    request.Connection,
                    request.Type == XenStoreMessageType.TransactionEnd
                        ? RequestMessage.EndTransaction(request.TransactionId, commit: false) : request.Message,
                    Decoders.Done);
                Add(substitute);
                substitute.Started = Request.NoTimeLimit;
            }
        }
        else
        {
            _outstanding.Forget(request);
        }

        request.Fail(failure);
    }

    /// <summary>One whose time is up, or <see langword="null"/>.</summary>
    public Request? FindExpired()
    {
        if (options.RequestTimeLimit == Timeout.InfiniteTimeSpan)
        {
            return null;
        }

        foreach (ref readonly OutstandingRequest entry in _outstanding.Places)
        {
            if (entry.Waiter is { } waiter && IsExpired(waiter))
            {
                return waiter;
            }
        }

        Request? request = _queue.First;
        while (request is not null && !IsExpired(request))
        {
            request = request.Next;
        }

        return request;
    }

    /// <summary>The time a domain was not running does not count against what is queued.</summary>
    public void RestartTimeLimits()
    {
        long now = options.TimeProvider.GetTimestamp();
        for (Request? request = _queue.First; request is not null; request = request.Next)
        {
            if (request.Started != Request.NoTimeLimit)
            {
                request.Started = now;
            }
        }
    }

    /// <summary>Takes one that is queued, or else one who waits for a reply; <see langword="null"/> when nobody waits any more.</summary>
    public Request? TakeAny()
    {
        if (_queue.First is not { } request)
        {
            return _outstanding.TakeWaiter();
        }

        _queue.Remove(request);
        return request;
    }

    /// <summary>
    /// Takes one that means nothing over another connection: that was sent, or belongs to a transaction, or is urgent;
    /// <see langword="null"/> when there is none any more.
    /// </summary>
    public Request? TakeBound()
    {
        Request? request = _queue.First;
        while (request is { TransactionId: 0, Urgent: false })
        {
            request = request.Next;
        }

        if (request is null)
        {
            return _outstanding.TakeWaiter();
        }

        _queue.Remove(request);
        return request;
    }

    /// <summary>No reply will come any more.</summary>
    public void ForgetOutstanding() => _outstanding.Clear();

    private bool IsExpired(Request request) =>
        request.Started != Request.NoTimeLimit && options.TimeProvider.GetElapsedTime(request.Started) >= options.RequestTimeLimit;
}
