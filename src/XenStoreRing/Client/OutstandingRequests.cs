namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// The requests that the server has, or is being sent, and has not answered. Each has an id of its own, by which its reply is found.
/// Guarded by the connection's gate.
/// </summary>
/// <param name="capacity">How many there may be at a time.</param>
/// <param name="lastId">The id before the first one given.</param>
internal sealed class OutstandingRequests(int capacity, uint lastId)
{
    private readonly OutstandingRequest[] _entries = new OutstandingRequest[capacity];
    private uint _lastId = lastId;

    public int Count { get; private set; }

    public bool IsFull => Count == _entries.Length;

    /// <summary>All places, also those that are not in use.</summary>
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

    /// <summary>Gives a request a place, of which there must be one, and an id. 0 is none: watch events have it.</summary>
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

    /// <summary>Takes the request that a reply is for; <see langword="false"/> when none has the id.</summary>
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

    /// <summary>Says that <paramref name="waiter"/> does not wait any more. Its request stays outstanding.</summary>
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

    /// <summary>Gives one who waits and forgets it; <see langword="null"/> when nobody does.</summary>
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

    /// <summary>Forgets all of them: no reply will come.</summary>
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
