namespace Xenlet.Net.Tcp;

/// <summary>What is known of a piece of data that was sent and is not acknowledged.</summary>
[Flags]
internal enum SentState : byte
{
    None = 0,

    /// <summary>The peer has it (SACK).</summary>
    Sacked = 1,

    /// <summary>It is taken for lost: it has to be sent again, or was.</summary>
    Lost = 2,

    /// <summary>Its retransmission is under way.</summary>
    Retransmitted = 4,

    /// <summary>It was sent more than once, so that its acknowledgment does not say which one arrived.</summary>
    SentAgain = 8,

    /// <summary>Its last sequence number is the FIN.</summary>
    HasFin = 16,
}

/// <summary>
/// Data that was sent at once, one segment or several that the device cut it into, and that is not acknowledged.
/// </summary>
internal struct SentSegment
{
    /// <summary>The first sequence number.</summary>
    public SequenceNumber Start;

    /// <summary>How much of the sequence space it takes, the FIN included.</summary>
    public int Length;

    /// <summary>The payload of each segment on the wire.</summary>
    public int SegmentSize;

    /// <summary>What is known of it.</summary>
    public SentState State;

    /// <summary>When it was sent last, in nanoseconds.</summary>
    public long SentAt;

    /// <summary>The sequence number behind it.</summary>
    public readonly SequenceNumber End => Start + Length;

    /// <summary>Bytes of data, without the FIN.</summary>
    public readonly int DataLength => Has(SentState.HasFin) ? Length - 1 : Length;

    /// <summary>Whether it has to be sent again.</summary>
    public readonly bool IsToBeRetransmitted => (State & (SentState.Lost | SentState.Retransmitted | SentState.Sacked)) == SentState.Lost;

    /// <summary>How much of it is thought to be in the network (RFC 6675, "pipe").</summary>
    public readonly int InFlight => Has(SentState.Sacked) || IsToBeRetransmitted ? 0 : Length;

    public readonly bool Has(SentState state) => (State & state) != 0;
}
