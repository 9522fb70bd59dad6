using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>The sending side: what is sent when, and what is sent again.</summary>
public sealed class SendingTests
{
    [Fact]
    public void Ten_segments_go_at_once_and_slow_start_doubles_them() => ScriptedPeer.Run(
        """
        established sackok
        write 60000
        outs 10
        +0.1
        in A seq=1 ack=5001
        outs 10
        in A seq=1 ack=10001
        outs 10
        cwnd 20000
        """);

    [Fact]
    public void Small_pieces_wait_for_the_acknowledgment_of_a_small_one() => ScriptedPeer.Run(
        """
        established
        write 10
        out AP seq=1 len=10
        write 10
        write 10
        none
        write 1980
        out Ap seq=11 len=1000
        out AP seq=1011 len=1000
        write 7
        none
        in A seq=1 ack=11
        out A seq=2011 len=7
        """);

    [Fact]
    public void With_no_delay_small_pieces_do_not_wait() => ScriptedPeer.Run(
        """
        nodelay
        established
        write 10
        out AP seq=1 len=10
        write 10
        out AP seq=11 len=10
        """);

    [Fact]
    public void A_window_that_is_too_small_is_used_only_after_a_while() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 win=100
        write 1000
        none
        +0.299
        none
        +0.001
        out A seq=1 len=100
        """);

    [Fact]
    public void A_closed_window_is_probed_ever_more_seldom_for_as_long_as_the_peer_answers() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 win=0
        write 10
        none
        +0.3
        out A seq=0 len=0
        in A seq=1 ack=1 win=0
        +0.6
        out A seq=0 len=0
        in A seq=1 ack=1 win=0
        +1.2
        out A seq=0 len=0
        in A seq=1 ack=1 win=0
        alive
        in A seq=1 ack=1 win=1000
        out A seq=1 len=10
        """);

    [Fact]
    public void A_peer_that_keeps_its_window_closed_for_half_an_hour_keeps_its_connection() => ScriptedPeer.Run(
        $"""
        established
        in A seq=1 ack=1 win=0
        write 10
        {string.Join('\n', Enumerable.Repeat("+50\nin A seq=1 ack=1 win=0", 36))}
        alive
        """);

    [Fact]
    public void A_closed_window_whose_owner_does_not_answer_ends_the_connection() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 win=0
        write 10
        +990
        alive
        +10
        error TimedOut
        """);

    /// <summary>Each row is what happens before the user closes; data is under way, or waits for the window.</summary>
    [Theory]
    [InlineData("write 1000\nout A seq=1 len=1000")]
    [InlineData("in A seq=1 ack=1 win=0\nwrite 1000")]
    public void A_peer_that_only_says_that_its_window_is_closed_does_not_keep_for_ever_what_was_closed(string before) => ScriptedPeer.Run(
        $"""
        established
        {before}
        close
        alive
        {string.Join('\n', Enumerable.Repeat("in A seq=1 ack=1 win=0\n+50", 30))}
        error TimedOut
        """);

    [Fact]
    public void A_window_that_shrinks_stops_new_data_but_not_the_old_and_ends_nothing() => ScriptedPeer.Run(
        """
        established
        write 5000
        outs 5
        in A seq=1 ack=1 win=2000
        write 5000
        none
        +0.3
        out A seq=1 len=1000
        in A seq=1 ack=1001 win=1000
        out A seq=1001 len=1000
        none
        in A seq=1 ack=2001 win=0
        out A seq=2001 len=1000
        none
        +100
        alive
        in A seq=1 ack=2001 win=0
        +100
        alive
        in A seq=1 ack=5001 win=5000
        """);

    [Fact]
    public void The_traffic_class_and_the_hop_limit_are_the_users()
    {
        SimulatedNetwork network = new(1);
        network.Listen(new SimulatedServer(100, 100), new TcpSettings { HopLimit = 7, TrafficClass = 0x28 });
        SimulatedUser user = new(100, 100);
        network.Connect(user, new TcpSettings { HopLimit = 9, TrafficClass = 0x10 });
        Assert.Equal((9, 0x10), (network.Left.LastHeader.HopLimit, network.Left.LastHeader.TrafficClass));
        network.Run(SimulatedTime.Second);
        Assert.Equal((7, 0x28), (network.Right.LastHeader.HopLimit, network.Right.LastHeader.TrafficClass));

        user.Connection!.Apply(user.Connection.Settings with { TrafficClass = 0x18 });
        user.Write(10);
        Assert.Equal(0x18, network.Left.LastHeader.TrafficClass);
    }

    [Fact]
    public void A_timeout_sends_again_and_doubles() => ScriptedPeer.Run(
        """
        established
        write 10
        out A seq=1 len=10
        +0.299
        none
        +0.001
        out A seq=1 len=10
        +0.6
        out A seq=1 len=10
        +1.2
        out A seq=1 len=10
        cwnd 1000
        """);

    [Fact]
    public void A_peer_that_is_silent_for_a_quarter_of_an_hour_is_given_up() => ScriptedPeer.Run(
        """
        established
        write 10
        +900
        alive
        +300
        error TimedOut
        """);

    [Fact]
    public void A_user_timeout_ends_the_connection_sooner() => ScriptedPeer.Run(
        """
        usertimeout 5
        established
        write 10
        +4.9
        alive
        +0.1
        error TimedOut
        """);

    [Fact]
    public void An_ICMP_error_does_not_end_an_established_connection() => ScriptedPeer.Run(
        """
        established
        write 10
        out A
        icmp hard Refused 1
        icmp soft HostUnreachable 1
        alive
        +1200
        error HostUnreachable
        """);

    [Fact]
    public void A_loss_probe_goes_out_before_the_timeout() => ScriptedPeer.Run(
        """
        established sackok
        write 5000
        outs 5
        +0.201
        none
        +0.001
        out A seq=4001 len=1000
        in A seq=1 ack=5001 sack=4001-5001
        cwnd 10000
        """);

    [Fact]
    public void A_loss_that_only_the_probe_has_repaired_counts() => ScriptedPeer.Run(
        """
        established sackok
        write 5000
        outs 5
        +0.1
        in A seq=1 ack=3001
        +0.202
        out A seq=4001 len=1000
        in A seq=1 ack=5001
        ssthresh 1073741824
        write 100
        out A seq=5001 len=100
        in A seq=1 ack=5101
        ssthresh 7000
        """);

    [Fact]
    public void A_segment_that_is_overtaken_is_lost_after_a_quarter_round_trip() => ScriptedPeer.Run(
        """
        established sackok
        write 5000
        outs 5
        +0.1
        in A seq=1 ack=1 sack=1001-2001
        none
        +0.024
        none
        +0.001
        out A seq=1 len=1000
        """);

    [Fact]
    public void A_segment_that_three_have_overtaken_is_lost_at_once() => ScriptedPeer.Run(
        """
        established sackok
        write 10000
        outs 10
        +0.1
        in A seq=1 ack=1 sack=1001-2001
        in A seq=1 ack=1 sack=1001-3001
        none
        in A seq=1 ack=1 sack=1001-4001
        out A seq=1 len=1000
        ssthresh 7000
        in A seq=1 ack=1 sack=1001-9001
        none
        in A seq=1 ack=9001
        in A seq=1 ack=10001
        cwnd 7000
        """);

    [Fact]
    public void While_it_recovers_a_sender_sends_as_much_as_arrives_less_the_reduction() => ScriptedPeer.Run(
        """
        established sackok
        write 60000
        outs 10
        +0.1
        in A seq=1 ack=10001
        outs 20
        +0.1
        in A seq=1 ack=10001 sack=11001-14001
        ssthresh 14000
        out A seq=10001 len=1000
        out A seq=30001 len=1000
        none
        in A seq=1 ack=10001 sack=11001-15001
        in A seq=1 ack=10001 sack=11001-16001
        in A seq=1 ack=10001 sack=11001-17001
        in A seq=1 ack=10001 sack=11001-18001
        in A seq=1 ack=10001 sack=11001-19001
        in A seq=1 ack=10001 sack=11001-20001
        in A seq=1 ack=10001 sack=11001-21001
        outs 5
        """);

    [Fact]
    public void Without_SACK_three_duplicates_tell_of_a_loss_and_partial_acknowledgments_of_the_next() => ScriptedPeer.Run(
        """
        established
        write 6000
        outs 6
        +0.1
        in A seq=1 ack=1
        in A seq=1 ack=1
        none
        in A seq=1 ack=1
        out A seq=1 len=1000
        in A seq=1 ack=3001
        out A seq=3001 len=1000
        in A seq=1 ack=6001
        none
        """);

    [Fact]
    public void A_spurious_timeout_is_undone_by_a_timestamp() => ScriptedPeer.Run(
        """
        established ts=1000,0
        write 3000
        out A seq=1 len=988 ts=100,1000
        outs 3
        +0.3
        out A seq=1 len=988 ts=400,1000
        cwnd 988
        in A seq=1 ack=989 ts=1300,100
        cwnd 9880
        +0.05
        none
        """);

    [Fact]
    public void A_spurious_timeout_is_undone_by_F_RTO() => ScriptedPeer.Run(
        """
        established
        write 10000
        outs 10
        write 10000
        +0.3
        out A seq=1 len=1000
        in A seq=1 ack=1001
        out A seq=10001 len=1000
        out A seq=11001 len=1000
        none
        in A seq=1 ack=3001
        out A seq=12001 len=1000
        """);

    [Fact]
    public void A_true_timeout_goes_on_with_the_old_data() => ScriptedPeer.Run(
        """
        established
        write 10000
        outs 10
        write 10000
        +0.3
        out A seq=1 len=1000
        in A seq=1 ack=1001
        out A seq=10001 len=1000
        out A seq=11001 len=1000
        in A seq=1 ack=1001
        out A seq=1001 len=1000
        """);

    [Fact]
    public void A_peer_that_drops_what_it_has_told_to_have_gets_it_again() => ScriptedPeer.Run(
        """
        established sackok
        write 3000
        outs 3
        +0.1
        in A seq=1 ack=1 sack=1001-3001
        +0.026
        out A seq=1 len=1000
        in A seq=1 ack=1001
        +0.4
        out A seq=1001 len=1000
        in A seq=1 ack=2001
        out A seq=2001 len=1000
        in A seq=1 ack=3001
        +10
        none
        """);

    [Fact]
    public void Blocks_of_data_that_was_never_sent_are_ignored() => ScriptedPeer.Run(
        """
        established sackok
        write 2000
        outs 2
        in A seq=1 ack=1 sack=5001-9001
        in A seq=1 ack=1 sack=1500-1400
        in A seq=1 ack=1 sack=1001-90001,500-600
        none
        alive
        in A seq=1 ack=2001
        +10
        none
        """);

    [Fact]
    public void A_link_that_segments_is_given_one_packet() => ScriptedPeer.Run(
        """
        segmenting
        established sackok
        write 8000
        out AP seq=1 len=8000
        """);

    [Fact]
    public void Part_of_a_packet_of_many_segments_is_sent_again() => ScriptedPeer.Run(
        """
        segmenting
        established sackok
        write 8000
        out A seq=1 len=8000
        +0.1
        in A seq=1 ack=2001 sack=3001-8001
        out A seq=2001 len=1000
        none
        in A seq=1 ack=8001
        +10
        none
        """);

    [Fact]
    public void A_path_that_carries_less_is_sent_smaller_segments_at_once_without_slowing_down() => ScriptedPeer.Run(
        """
        established sackok
        write 2000
        outs 2
        mtu 640
        out A seq=1 len=600
        out A seq=601 len=400
        out A seq=1001 len=600
        out A seq=1601 len=400
        ssthresh 1073741824
        """);

    [Fact]
    public void A_black_hole_is_tried_with_smaller_segments() => ScriptedPeer.Run(
        """
        connect
        out S
        +0.1
        in SA seq=0 ack=1 mss=1460
        out A
        write 1460
        out A seq=1 len=1460
        +0.3
        out A seq=1 len=1460
        +0.6
        out A seq=1 len=1460
        +1.2
        out A seq=1 len=1024
        """);

    [Fact]
    public void A_silent_peer_is_probed_when_the_user_asks_for_it() => ScriptedPeer.Run(
        """
        keepalive 100 10 3
        established
        +99
        none
        +1
        out A seq=0 ack=1 len=0
        in A seq=1 ack=1
        +99.9
        none
        +0.1
        out A seq=0
        +10
        out A seq=0
        +10
        out A seq=0
        +9.9
        alive
        +0.1
        out RA
        error TimedOut
        """);

    [Fact]
    public void No_peer_is_probed_unasked() => ScriptedPeer.Run(
        """
        established
        +100000
        none
        alive
        """);

    [Fact]
    public void After_a_silence_the_window_is_the_first_one_again() => ScriptedPeer.Run(
        """
        established sackok
        write 20000
        outs 10
        +0.1
        in A seq=1 ack=10001
        cwnd 20000
        outs 10
        +0.1
        in A seq=1 ack=20001
        +10
        write 40000
        outs 10
        """);

    [Fact]
    public void What_finds_no_room_on_the_link_goes_when_there_is() => ScriptedPeer.Run(
        """
        established
        sends NoRoom
        write 2000
        none
        room
        outs 2
        sends NoRoom
        in A seq=1 ack=2001 len=10
        none
        room
        out A seq=2001 ack=11
        """);

    [Fact]
    public void After_three_time_outs_the_internet_layer_is_told_that_the_peer_does_not_answer() => ScriptedPeer.Run(
        """
        established
        write 10
        +1.3
        doubts 0
        +1.5
        doubts 1
        +30
        doubts 1
        alive
        """);
}
