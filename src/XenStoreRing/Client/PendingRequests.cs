namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// A connection's requests from the call to the reply: those that wait to be sent, in order, and those that are outstanding. Guarded by the
/// connection's lock.
/// </summary>
/// <param name="options">How many requests may be outstanding, and how long one may take from the call on.</param>
/// <param name="lastId">The id before the first one used on the wire.</param>
internal sealed class PendingRequests(XenStoreClientOptions options, uint lastId)
{
    private readonly OutstandingRequests _outstanding = new(options.MaxOutstanding, lastId);
    private RequestQueue _queue;

    /// <summary>Requests sent so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Replies received so far.</summary>
    public long Answered { get; private set; }

    public int OutstandingCount => _outstanding.Count;

    public bool HasQueued => _queue.First is not null;

    /// <summary>Whether the server accepts another request.</summary>
    public bool CanSend => !_outstanding.IsFull;

    /// <summary>The request that was queued first, or queued as urgent.</summary>
    public Request? First => _queue.First;

    public int CountOutstanding(XenStoreMessageType type) => _outstanding.CountOf(type);

    /// <summary>The first queued request that belongs to a transaction.</summary>
    public Request? FirstOfTransaction()
    {
        Request? request = _queue.First;
        while (request is { TransactionId: 0 })
        {
            request = request.Next;
        }

        return request;
    }

    /// <summary>The first queued request that does not begin a transaction.</summary>
    public Request? FirstThatBeginsNone()
    {
        Request? request = _queue.First;
        while (request is { Type: XenStoreMessageType.TransactionStart })
        {
            request = request.Next;
        }

        return request;
    }

    /// <summary>Queues a request and starts its time limit.</summary>
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

    /// <summary>Makes a queued request outstanding and writes its message.</summary>
    /// <returns>The message's length.</returns>
    public int Send(Request request, Span<byte> destination)
    {
        _queue.Remove(request);
        request.State = RequestState.Sent;
        Sent++;
        return request.Message.Write(_outstanding.Add(request), destination);
    }

    /// <summary>Removes the request that a reply is for. Returns <see langword="false"/> if none has the id.</summary>
    public bool TryTake(uint requestId, out OutstandingRequest entry)
    {
        bool isFound = _outstanding.TryTake(requestId, out entry);
        Answered += isFound ? 1 : 0;
        return isFound;
    }

    /// <summary>Fails a request. If it is queued, it is not sent; if it was sent, nobody waits for its reply.</summary>
    public void Abandon(Request request, Exception failure)
    {
        if (request.State == RequestState.Queued)
        {
            _queue.Remove(request);
            if (request.Type is XenStoreMessageType.TransactionEnd or XenStoreMessageType.Unwatch)
            {
                // The server must receive it all the same.
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

    /// <summary>A request whose time limit has expired, or <see langword="null"/>.</summary>
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

    /// <summary>Restarts the time limits of queued requests: time during which the domain did not run does not count.</summary>
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

    /// <summary>
    /// Removes a queued request, or else the waiter of an outstanding one; <see langword="null"/> if nobody waits any more.
    /// </summary>
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
    /// Removes a request that is meaningless on another connection: one that was sent, belongs to a transaction, or is urgent. Returns
    /// <see langword="null"/> if there is none.
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

    /// <summary>No more replies will arrive.</summary>
    public void ForgetOutstanding() => _outstanding.Clear();

    private bool IsExpired(Request request) =>
        request.Started != Request.NoTimeLimit && options.TimeProvider.GetElapsedTime(request.Started) >= options.RequestTimeLimit;
}
