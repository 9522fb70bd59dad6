namespace Xenlet.Net.Tcp;

/// <summary>
/// The scoreboard of a sender (RFC 6675): all that was sent and is not acknowledged, by sequence number, in a ring that grows as the window
/// does, and that there is only while something is under way. Whoever has this keeps it in one place, and never copies it.
/// </summary>
internal struct SentSegments
{
    /// <summary>
    /// The most entries: a peer that announces a tiny segment size or acknowledges in tiny pieces costs no more memory and time than this.
    /// </summary>
    public const int Limit = 4_096;

    private SentSegment[]? _ring;
    private int _head;

    /// <summary>How many entries there are.</summary>
    public int Count { get; private set; }

    /// <summary>Whether no more may be sent until something is acknowledged.</summary>
    public readonly bool IsFull => Count >= Limit;

    /// <summary>Bytes thought to be in the network.</summary>
    public int InFlight { get; private set; }

    /// <summary>Bytes that the peer has beyond the acknowledged ones.</summary>
    public int Sacked { get; private set; }

    /// <summary>Bytes taken for lost and not sent again.</summary>
    public int ToBeRetransmitted { get; private set; }

    /// <summary>The entry at a place, the first being 0. It is changed by the methods here alone.</summary>
    public readonly ref readonly SentSegment this[int index] => ref At(index);

    /// <summary>Adds what was sent last.</summary>
    public void Add(in SentSegment segment, SegmentRings rings)
    {
        if (_ring is null || Count == _ring.Length)
        {
            Grow(rings);
        }

        Count++;
        At(Count - 1) = segment;
        Account(segment, 1);
    }

    /// <summary>Changes the state of an entry.</summary>
    public void SetState(int index, SentState added, SentState removed = SentState.None)
    {
        ref SentSegment segment = ref At(index);
        Account(segment, -1);
        segment.State = (segment.State | added) & ~removed;
        Account(segment, 1);
    }

    /// <summary>Tells that an entry was sent again.</summary>
    public void OnSentAgain(int index, long now, int segmentSize)
    {
        SetState(index, SentState.SentAgain | SentState.Retransmitted);
        ref SentSegment segment = ref At(index);
        segment.SentAt = now;
        segment.SegmentSize = segmentSize;
    }

    /// <summary>Makes two entries of one: the first keeps <paramref name="length"/> bytes.</summary>
    public void Split(int index, int length, SegmentRings rings)
    {
        if (_ring is null || Count == _ring.Length)
        {
            Grow(rings);
        }

        for (int i = Count++; i > index + 1; i--)
        {
            At(i) = At(i - 1);
        }

        ref SentSegment first = ref At(index);
        ref SentSegment second = ref At(index + 1);
        second = first;
        second.Start = first.Start + length;
        second.Length = first.Length - length;
        first.Length = length;
        first.State &= ~SentState.HasFin;
    }

    /// <summary>Takes off the first entry, or its first bytes, up to <paramref name="acknowledged"/>.</summary>
    public void RemoveUpTo(SequenceNumber acknowledged, SegmentRings rings)
    {
        ref SentSegment first = ref At(0);
        Account(first, -1);
        if (first.End <= acknowledged)
        {
            _head = (_head + 1) % _ring!.Length;
            if (--Count == 0)
            {
                Release(rings);
            }

            return;
        }

        first.Length = first.End - acknowledged;
        first.Start = acknowledged;
        Account(first, 1);
    }

    /// <summary>Forgets all.</summary>
    public void Clear(SegmentRings rings)
    {
        Count = 0;
        InFlight = Sacked = ToBeRetransmitted = 0;
        Release(rings);
    }

    private readonly ref SentSegment At(int index)
    {
        int place = _head + index;
        return ref _ring![place < _ring.Length ? place : place - _ring.Length];
    }

    private void Account(in SentSegment segment, int sign)
    {
        InFlight += sign * segment.InFlight;
        Sacked += segment.Has(SentState.Sacked) ? sign * segment.Length : 0;
        ToBeRetransmitted += segment.IsToBeRetransmitted ? sign * segment.Length : 0;
    }

    private void Release(SegmentRings rings)
    {
        if (_ring is { } ring)
        {
            _ring = null;
            _head = 0;
            rings.Return(ring);
        }
    }

    private void Grow(SegmentRings rings)
    {
        SentSegment[] larger = rings.TakeLarger(_ring?.Length ?? 0);
        for (int i = 0; i < Count; i++)
        {
            larger[i] = At(i);
        }

        Release(rings);
        _ring = larger;
    }
}
