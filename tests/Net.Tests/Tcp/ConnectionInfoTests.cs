using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>What <c>ss</c> and TCP_INFO show of a connection (linux/tcp.h), as it goes on.</summary>
public sealed class ConnectionInfoTests
{
    [Fact]
    public void What_both_ends_have_agreed_on_is_shown() => ScriptedPeer.Run(
        """
        established sackok ts=7,0 ws=3
        info HasTimestamps=1 HasSack=1 HasScale=1 SendScale=3 SegmentSize=988 SendWindow=50000
        """);

    [Fact]
    public void What_the_peer_has_not_offered_is_not_shown() => ScriptedPeer.Run(
        """
        established
        info HasTimestamps=0 HasSack=0 HasScale=0 SendScale=0 ReceiveScale=0 SegmentSize=1000 AnnouncedSegmentSize=1460 PathMtu=1500
        """);

    [Fact]
    public void Segments_are_counted_as_under_way_held_by_the_peer_lost_and_sent_again() => ScriptedPeer.Run(
        """
        established sackok
        info UnacknowledgedSegments=0 Recovery=0
        write 10000
        outs 10
        info UnacknowledgedSegments=10 SackedSegments=0 LostSegments=0 ResentSegments=0
        +0.1
        in A seq=1 ack=1 sack=1001-3001
        info Recovery=0 UnacknowledgedSegments=10 SackedSegments=2 LostSegments=0 ResentSegments=0 Retransmissions=0
        in A seq=1 ack=1 sack=1001-4001
        out A seq=1 len=1000
        info Recovery=3 UnacknowledgedSegments=10 SackedSegments=3 LostSegments=1 ResentSegments=1 Retransmissions=1
        in A seq=1 ack=10001
        info Recovery=0 UnacknowledgedSegments=0 SackedSegments=0 LostSegments=0 ResentSegments=0 Retransmissions=1
        """);

    [Fact]
    public void Time_outs_in_a_row_are_counted_until_the_peer_acknowledges() => ScriptedPeer.Run(
        """
        established
        write 500
        out A seq=1 len=500
        +0.31
        out A seq=1 len=500
        info Timeouts=1 Recovery=4 UnacknowledgedSegments=1 LostSegments=1 ResentSegments=1 Retransmissions=1
        +0.61
        out A seq=1 len=500
        info Timeouts=2 Retransmissions=2
        in A seq=1 ack=501
        info Timeouts=0 UnacknowledgedSegments=0 Retransmissions=2
        """);

    [Fact]
    public void Probes_of_a_shut_window_and_of_a_silent_peer_are_counted_until_it_answers() => ScriptedPeer.Run(
        """
        keepalive 10 1 5
        established
        +10.5
        info Probes=1
        +1
        info Probes=2
        in A seq=1 ack=1 win=0
        info Probes=0 SendWindow=0
        write 10
        +0.5
        info Probes=1 Unsent=10
        in A seq=1 ack=1 win=0
        info Probes=0
        """);

    [Fact]
    public void Bytes_are_counted_each_way_with_the_SYN_and_the_FIN() => ScriptedPeer.Run(
        """
        established
        info AcknowledgedCount=1 ReceivedCount=0 Unsent=0
        write 700
        out A seq=1 len=700
        in A seq=1 ack=701 len=30
        info AcknowledgedCount=701 ReceivedCount=30 ReceivedSegmentSize=536
        in FA seq=31 ack=701
        info ReceivedCount=31
        """);

    [Fact]
    public void Times_are_since_data_was_sent_and_a_segment_has_come() => ScriptedPeer.Run(
        """
        established
        write 10
        out A seq=1 len=10
        +0.1
        in A seq=1 ack=11
        info RoundTrip=100000000 LeastRoundTrip=100000000 SinceSent=100000000 SinceReceived=0
        +2
        info SinceSent=2100000000 SinceReceived=2000000000
        """);
}
