namespace Xenlet.Net.Tcp;

/// <summary>
/// The states of a connection (RFC 9293, section 3.3.2), with the numbers of Linux's /proc/net/tcp. LISTEN is a <see cref="TcpListener"/>,
/// TIME-WAIT an entry of <see cref="TimeWaitTable"/>.
/// </summary>
internal enum TcpState : byte
{
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Closed = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}
