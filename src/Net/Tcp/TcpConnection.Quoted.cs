namespace Xenlet.Net.Tcp;

/// <content>What ICMP errors quote.</content>
internal sealed partial class TcpConnection
{
    /// <summary>
    /// Whether a segment that begins here has been sent and not acknowledged: an error that quotes another is forged, or old.
    /// </summary>
    public bool IsUnderWay(SequenceNumber sequence) =>
        State != TcpState.Closed && sequence >= _send.Unacknowledged && sequence < _send.Next;
}
