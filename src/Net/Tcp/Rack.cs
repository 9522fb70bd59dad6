namespace Xenlet.Net.Tcp;

/// <summary>
/// Recent acknowledgment (RFC 8985): what was sent well before something that has been delivered, and is not delivered, is lost.
/// </summary>
internal struct Rack
{
    private SequenceNumber _end;
    private SequenceNumber _highest;
    private bool _hasHighest;

    /// <summary>When the latest of the delivered segments was sent; 0 before the first.</summary>
    public long SentAt { get; private set; }

    /// <summary>How long it took.</summary>
    public long RoundTrip { get; private set; }

    /// <summary>Takes note of a delivered segment (steps 2 and 3).</summary>
    /// <param name="segment">The segment, as it was before it was delivered.</param>
    /// <param name="now">The time.</param>
    /// <param name="minimum">The least round-trip time.</param>
    /// <param name="isOfOriginal">Whether a timestamp tells that the acknowledgment answers an earlier transmission.</param>
    /// <returns>Whether the path has reordered it.</returns>
    public bool OnDelivered(in SentSegment segment, long now, long minimum, bool isOfOriginal)
    {
        bool isReordered = false;
        if (!segment.Has(SentState.SentAgain))
        {
            if (!_hasHighest || segment.End > _highest)
            {
                _highest = segment.End;
                _hasHighest = true;
            }
            else
            {
                isReordered = segment.End < _highest;
            }
        }

        long roundTrip = now - segment.SentAt;
        if (segment.Has(SentState.SentAgain) && (isOfOriginal || roundTrip < minimum))
        {
            return isReordered;
        }

        if (SentAt == 0 || IsSentAfter(segment.SentAt, segment.End, SentAt, _end))
        {
            SentAt = segment.SentAt;
            _end = segment.End;
            RoundTrip = roundTrip;
        }

        return isReordered;
    }

    /// <summary>Whether a segment was sent before the latest delivered one (step 5).</summary>
    public readonly bool IsSentBefore(in SentSegment segment) => IsSentAfter(SentAt, _end, segment.SentAt, segment.End);

    private static bool IsSentAfter(long sentAt, SequenceNumber end, long otherSentAt, SequenceNumber otherEnd) =>
        sentAt > otherSentAt || (sentAt == otherSentAt && end > otherEnd);
}
