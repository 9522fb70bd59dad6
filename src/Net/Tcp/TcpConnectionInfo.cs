namespace Xenlet.Net.Tcp;

/// <summary>What is to be seen of a connection, as <c>ss -i</c> shows it; times in nanoseconds, the rest in bytes.</summary>
internal readonly record struct TcpConnectionInfo(
    Flow Flow,
    TcpState State,
    int SendQueue,
    long RoundTrip,
    long RetransmissionTimeout,
    int CongestionWindow,
    int Threshold,
    int SendWindow,
    int SegmentSize,
    long Retransmissions)
{
    /// <summary>Recovery of a loss, by the numbers of Linux's <c>tcp_ca_state</c>: 0 none, 3 under way, 4 after a time-out.</summary>
    public int Recovery { get; init; }

    /// <summary>Time-outs in a row.</summary>
    public int Timeouts { get; init; }

    /// <summary>Probes in a row that were not answered, of a closed window or of a silent peer.</summary>
    public int Probes { get; init; }

    /// <summary>Whether both ends use timestamps (RFC 7323).</summary>
    public bool HasTimestamps { get; init; }

    /// <summary>Whether both ends tell of what arrived behind a gap (RFC 2018).</summary>
    public bool HasSack { get; init; }

    /// <summary>Whether windows are scaled, by as many bits each.</summary>
    public bool HasScale { get; init; }

    public int SendScale { get; init; }

    public int ReceiveScale { get; init; }

    /// <summary>The largest segment that has come, and that this end has asked for.</summary>
    public int ReceivedSegmentSize { get; init; }

    public int AnnouncedSegmentSize { get; init; }

    /// <summary>Segments under way, and of them those that the peer has, that are lost, and that were sent again.</summary>
    public int UnacknowledgedSegments { get; init; }

    public int SackedSegments { get; init; }

    public int LostSegments { get; init; }

    public int ResentSegments { get; init; }

    /// <summary>Bytes that were written and never sent.</summary>
    public int Unsent { get; init; }

    /// <summary>How long ago data was sent, and a segment has come; 0 when none was.</summary>
    public long SinceSent { get; init; }

    public long SinceReceived { get; init; }

    public int PathMtu { get; init; }

    public long RoundTripVariation { get; init; }

    public long LeastRoundTrip { get; init; }

    /// <summary>The peer's sequence space that has come in order, and ours that it has acknowledged, each with its FIN.</summary>
    public long ReceivedCount { get; init; }

    public long AcknowledgedCount { get; init; }
}
