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
    long Retransmissions);
