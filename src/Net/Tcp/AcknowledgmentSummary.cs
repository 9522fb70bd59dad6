namespace Xenlet.Net.Tcp;

/// <summary>What one acknowledgment has told.</summary>
internal struct AcknowledgmentSummary
{
    /// <summary>Bytes newly acknowledged in order.</summary>
    public int Acknowledged;

    /// <summary>Bytes that are newly known to have arrived, in order or by SACK.</summary>
    public int Delivered;

    /// <summary>Bytes newly known to have arrived by SACK.</summary>
    public int Sacked;

    /// <summary>Bytes in the network before.</summary>
    public int InFlightBefore;

    /// <summary>A round trip of data that was sent once, in nanoseconds; 0 without one.</summary>
    public long RoundTrip;

    /// <summary>Whether something arrived that was sent once only, and before the last time-out.</summary>
    public bool HasOriginal;

    /// <summary>Whether something was acknowledged in order that was sent more than once.</summary>
    public bool HasRetransmitted;

    /// <summary>Whether the peer tells of data that it got twice (DSACK).</summary>
    public bool HasDuplicate;

    /// <summary>Whether it is one of the same acknowledgments in a row by which a peer without SACK tells of a gap (RFC 5681).</summary>
    public bool IsDuplicate;

    /// <summary>Whether its timestamp answers a segment sent before the first retransmission (RFC 3522).</summary>
    public bool IsOfOriginal;
}
