namespace Xenlet.Net.Tcp;

/// <content>What is to be seen of a connection.</content>
internal sealed partial class TcpConnection
{
    private long _receivedCount;
    private long _acknowledgedCount;

    /// <summary>What <c>ss</c> and TCP_INFO show of a connection.</summary>
    public TcpConnectionInfo GetInfo()
    {
        (int unacknowledged, int sacked, int lost, int resent) = CountSegments();
        return new(
            Flow, State, Unsent + (_send.Next - _send.Unacknowledged), _path.Smoothed, _path.Timeout, CongestionWindow,
            CongestionThreshold, _send.Window, _segmentSize, _incidents?.Retransmissions ?? 0)
        {
            Recovery = _flight.Recovery switch { RecoveryState.Open => 0, RecoveryState.Recovery => 3, _ => 4 },
            Timeouts = _retries,
            Probes = Math.Max(_windowProbes, _keepAliveProbes),
            HasTimestamps = HasTimestamps,
            HasSack = IsSackPermitted,
            HasScale = HasScale,
            SendScale = _sendScale,
            ReceiveScale = _receiveScale,
            ReceivedSegmentSize = _receiveSegmentSize,
            AnnouncedSegmentSize = _pathSegmentSize,
            UnacknowledgedSegments = unacknowledged,
            SackedSegments = sacked,
            LostSegments = lost,
            ResentSegments = resent,
            Unsent = Unsent,
            SinceSent = _sentAt == 0 ? 0 : Now - _sentAt,
            SinceReceived = _receivedAt == 0 ? 0 : Now - _receivedAt,
            PathMtu = Layer.Output.PathMtu(Towards, Settings.BoundInterface),
            RoundTripVariation = _path.Variation,
            LeastRoundTrip = _path.Minimum,
            ReceivedCount = _receivedCount,
            AcknowledgedCount = _acknowledgedCount,
        };
    }

    private (int All, int Sacked, int Lost, int Resent) CountSegments()
    {
        (int All, int Sacked, int Lost, int Resent) counts = default;
        for (int i = 0; i < _flight.Sent.Count; i++)
        {
            SentSegment each = _flight.Sent[i];
            int count = Math.Max((each.DataLength + each.SegmentSize - 1) / Math.Max(each.SegmentSize, 1), 1);
            counts.All += count;
            counts.Sacked += each.Has(SentState.Sacked) ? count : 0;
            counts.Lost += each.Has(SentState.Lost) ? count : 0;
            counts.Resent += each.Has(SentState.Retransmitted) ? count : 0;
        }

        return counts;
    }
}
