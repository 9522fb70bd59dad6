namespace Xenlet.Net.Tcp;

/// <summary>
/// Data that arrived before its turn, as ranges of sequence numbers; its bytes lie in the receive queue. Their number is bounded: a peer
/// that sends every second byte costs no more. There is memory for them only while there are some. Never copied.
/// </summary>
internal struct ReceivedRanges
{
    private const int Limit = 64;

    private Range[]? _ranges;
    private uint _stamp;

    private struct Range
    {
        public SequenceNumber Start;
        public SequenceNumber End;
        public uint Stamp;
    }

    /// <summary>How many ranges there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a range, and joins it with those that it touches; false when there is no room for one more.</summary>
    public bool TryAdd(SequenceNumber start, SequenceNumber end)
    {
        int first = 0;
        while (first < Count && _ranges![first].End < start)
        {
            first++;
        }

        int behind = first;
        while (behind < Count && _ranges![behind].Start <= end)
        {
            start = SequenceNumber.Min(start, _ranges![behind].Start);
            end = SequenceNumber.Max(end, _ranges![behind].End);
            behind++;
        }

        if (first == behind)
        {
            if (Count == Limit)
            {
                return false;
            }

            if (_ranges is null || Count == _ranges.Length)
            {
                Array.Resize(ref _ranges, Math.Max(4, Count * 2));
            }
        }

        Array.Copy(_ranges!, behind, _ranges!, first + 1, Count - behind);
        Count += first + 1 - behind;
        _ranges![first] = new Range { Start = start, End = end, Stamp = ++_stamp };
        return true;
    }

    /// <summary>Takes off all ranges that begin at or before <paramref name="next"/>, and returns how far the data is whole.</summary>
    public SequenceNumber TakeFrom(SequenceNumber next)
    {
        int taken = 0;
        while (taken < Count && _ranges![taken].Start <= next)
        {
            next = SequenceNumber.Max(next, _ranges![taken++].End);
        }

        if (taken > 0)
        {
            Count -= taken;
            if (Count == 0)
            {
                _ranges = null;
            }
            else
            {
                Array.Copy(_ranges!, taken, _ranges!, 0, Count);
            }
        }

        return next;
    }

    /// <summary>The range that holds all of the bytes named, if one does.</summary>
    public bool TryFind(SequenceNumber start, SequenceNumber end, out SackBlock range)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_ranges![i].Start <= start && end <= _ranges![i].End)
            {
                range = new SackBlock(_ranges![i].Start, _ranges![i].End);
                return true;
            }
        }

        range = default;
        return false;
    }

    /// <summary>Tells the ranges in an option, that which changed last first (RFC 2018, section 4).</summary>
    /// <param name="options">The options.</param>
    /// <param name="limit">How many blocks the option has room for.</param>
    public void AddTo(ref TcpOptions options, int limit)
    {
        // Stamps wrap after 2^32 segments out of order; the order of the blocks is then wrong once, which harms nobody.
        uint below = uint.MaxValue;
        for (int block = options.SackCount; block < limit; block++)
        {
            int latest = -1;
            for (int i = 0; i < Count; i++)
            {
                if (_ranges![i].Stamp < below && (latest < 0 || _ranges![i].Stamp > _ranges![latest].Stamp))
                {
                    latest = i;
                }
            }

            if (latest < 0)
            {
                return;
            }

            below = _ranges![latest].Stamp;
            options.AddSack(new SackBlock(_ranges![latest].Start, _ranges![latest].End));
        }
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Count = 0;
        _ranges = null;
    }
}
