namespace Xenlet.Net.Tcp;

/// <summary>
/// Recent acknowledgment (RFC 8985): what was sent well before something that has been delivered, and is not delivered, is lost.
/// </summary>
internal struct Rack
{
    private const int RecoveriesKept = 16;
    private const int DuplicateThreshold = 3;

    private SequenceNumber _end;
    private SequenceNumber _highest;
    private SequenceNumber _roundEnd;
    private int _multiplier;
    private int _recoveriesLeft;
    private bool _hasHighest;
    private bool _isInRound;

    /// <summary>When the latest of the delivered segments was sent; 0 before the first.</summary>
    public long SentAt { get; private set; }

    /// <summary>How long it took.</summary>
    public long RoundTrip { get; private set; }

    /// <summary>Whether the path has been seen to reorder.</summary>
    public bool HasReordering { get; private set; }

    /// <summary>Takes note of a delivered segment (steps 2 and 3).</summary>
    /// <param name="segment">The segment, as it was before it was delivered.</param>
    /// <param name="now">The time.</param>
    /// <param name="minimum">The least round-trip time.</param>
    /// <param name="isOfOriginal">Whether a timestamp tells that the acknowledgment answers an earlier transmission.</param>
    public void OnDelivered(in SentSegment segment, long now, long minimum, bool isOfOriginal)
    {
        if (!segment.Has(SentState.SentAgain))
        {
            if (!_hasHighest || segment.End > _highest)
            {
                _highest = segment.End;
                _hasHighest = true;
            }
            else if (segment.End < _highest)
            {
                HasReordering = true;
            }
        }

        long roundTrip = now - segment.SentAt;
        if (segment.Has(SentState.SentAgain) && (isOfOriginal || roundTrip < minimum))
        {
            return;
        }

        if (SentAt == 0 || IsSentAfter(segment.SentAt, segment.End, SentAt, _end))
        {
            SentAt = segment.SentAt;
            _end = segment.End;
            RoundTrip = roundTrip;
        }
    }

    /// <summary>A retransmission was needless, by a DSACK: the path reorders more than was allowed for (step 4).</summary>
    public void OnDuplicate(SequenceNumber acknowledged, SequenceNumber next)
    {
        if (_isInRound && acknowledged < _roundEnd)
        {
            return;
        }

        _isInRound = true;
        _roundEnd = next;
        _multiplier = Math.Min(Multiplier + 1, byte.MaxValue);
        _recoveriesLeft = RecoveriesKept;
    }

    /// <summary>A recovery has ended.</summary>
    public void OnRecovered()
    {
        if (--_recoveriesLeft <= 0)
        {
            _multiplier = 1;
        }
    }

    /// <summary>For how long reordering is borne with.</summary>
    public readonly long ReorderWindow(in RoundTripEstimator path, bool isRecovering, int segmentsSacked) =>
        !HasReordering && (isRecovering || segmentsSacked >= DuplicateThreshold)
            ? 0
            : Math.Min(Multiplier * path.Minimum / 4, path.Smoothed);

    /// <summary>Whether a segment was sent before the latest delivered one (step 5).</summary>
    public readonly bool IsSentBefore(in SentSegment segment) => IsSentAfter(SentAt, _end, segment.SentAt, segment.End);

    private readonly int Multiplier => Math.Max(_multiplier, 1);

    private static bool IsSentAfter(long sentAt, SequenceNumber end, long otherSentAt, SequenceNumber otherEnd) =>
        sentAt > otherSentAt || (sentAt == otherSentAt && end > otherEnd);
}
