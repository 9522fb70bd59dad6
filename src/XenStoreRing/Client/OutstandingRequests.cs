namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// The requests that are being sent or were sent, and have no reply yet. Each has its own id, by which its reply is found. Guarded by the
/// connection's lock.
/// </summary>
/// <param name="capacity">The maximum number of requests at a time.</param>
/// <param name="lastId">The id before the first one to assign.</param>
internal sealed class OutstandingRequests(int capacity, uint lastId)
{
    private readonly OutstandingRequest[] _entries = new OutstandingRequest[capacity];
    private uint _lastId = lastId;

    public int Count { get; private set; }

    public bool IsFull => Count == _entries.Length;

    /// <summary>All slots, including unused ones.</summary>
    public ReadOnlySpan<OutstandingRequest> Places => _entries;

    public int CountOf(XenStoreMessageType type)
    {
        int count = 0;
        foreach (ref readonly OutstandingRequest entry in _entries.AsSpan())
        {
            count += entry.InUse && entry.Type == type ? 1 : 0;
        }

        return count;
    }

    /// <summary>
    /// Assigns a slot, of which there must be a free one, and an id to a request. The id is never 0, which watch events have.
    /// </summary>
    public uint Add(Request request)
    {
        int index = 0;
        while (_entries[index].InUse)
        {
            index++;
        }

        do
        {
            _lastId++;
        }
        while (_lastId == 0 || Find(_lastId) >= 0);

        _entries[index] = new()
        {
            InUse = true,
            RequestId = _lastId,
            TransactionId = request.TransactionId,
            Type = request.Type,
            Subject = request.Message.Subject,
            Second = request.Message.Second,
            Waiter = request,
        };
        Count++;
        return _lastId;
    }

    /// <summary>Removes the request that a reply is for. Returns <see langword="false"/> if none has the id.</summary>
    public bool TryTake(uint requestId, out OutstandingRequest entry)
    {
        int index = Find(requestId);
        if (index < 0)
        {
            entry = default;
            return false;
        }

        entry = _entries[index];
        _entries[index] = default;
        Count--;
        return true;
    }

    /// <summary>
    /// Records that <paramref name="waiter"/> no longer waits. Its request stays outstanding.
    /// </summary>
    public void Forget(Request waiter)
    {
        foreach (ref OutstandingRequest entry in _entries.AsSpan())
        {
            if (entry.Waiter == waiter)
            {
                entry.Waiter = null;
            }
        }
    }

    /// <summary>Returns one waiter and forgets it; <see langword="null"/> if there is none.</summary>
    public Request? TakeWaiter()
    {
        foreach (ref OutstandingRequest entry in _entries.AsSpan())
        {
            if (entry.Waiter is { } waiter)
            {
                entry.Waiter = null;
                return waiter;
            }
        }

        return null;
    }

    /// <summary>Forgets all requests: no reply will arrive.</summary>
    public void Clear()
    {
        _entries.AsSpan().Clear();
        Count = 0;
    }

    private int Find(uint requestId)
    {
        for (int i = 0; i < _entries.Length; i++)
        {
            if (_entries[i].InUse && _entries[i].RequestId == requestId)
            {
                return i;
            }
        }

        return -1;
    }
}
