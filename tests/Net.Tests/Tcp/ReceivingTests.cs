using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>The receiving side: order, windows, acknowledgments.</summary>
public sealed class ReceivingTests
{
    [Fact]
    public void A_lone_segment_is_acknowledged_after_40_ms() => ScriptedPeer.Run(
        """
        established
        calm
        in A seq=17 ack=1 len=10
        +0.039
        none
        +0.001
        out A ack=27
        """);

    [Fact]
    public void Every_second_full_segment_is_acknowledged_at_once() => ScriptedPeer.Run(
        """
        established
        calm
        in A seq=17 ack=1 len=1000
        none
        in A seq=1017 ack=1 len=1000
        out A ack=2017
        """);

    [Fact]
    public void The_first_segments_are_acknowledged_at_once_until_an_answer_follows_soon() => ScriptedPeer.Run(
        """
        accepted
        in A seq=1 ack=1 len=1000
        out A ack=1001 len=0 win=59000
        in A seq=1001 ack=1 len=1000
        out A ack=2001 len=0 win=58000
        read 2000
        write 100
        out A seq=1 ack=2001 len=100 win=60000
        in A seq=2001 ack=101 len=1000
        none
        read 1000
        write 100
        out A seq=101 ack=3001 len=100 win=60000
        in A seq=3001 ack=201 len=1000
        +0.04
        out A ack=4001 len=0
        """);

    [Fact]
    public void An_answer_that_follows_late_leaves_acknowledgments_at_once() => ScriptedPeer.Run(
        """
        accepted
        in A seq=1 ack=1 len=1000
        out A ack=1001 len=0
        +0.04
        write 100
        out A seq=1 ack=1001 len=100
        in A seq=1001 ack=101 len=1000
        out A ack=2001 len=0
        """);

    [Fact]
    public void Data_that_answers_nothing_leaves_acknowledgments_at_once() => ScriptedPeer.Run(
        """
        accepted
        write 100
        out A seq=1 ack=1 len=100
        in A seq=1 ack=101 len=1000
        out A ack=1001 len=0
        """);

    [Fact]
    public void A_joined_segment_is_acknowledged_at_once() => ScriptedPeer.Run(
        """
        established
        calm
        in A seq=17 ack=1 len=20000 joined=1000
        out A ack=20017
        received 20016
        """);

    [Fact]
    public void A_batch_is_acknowledged_once_but_a_gap_for_each_segment() => ScriptedPeer.Run(
        """
        established
        batch
        in A seq=1 ack=1 len=1000
        in A seq=1001 ack=1 len=1000
        in A seq=2001 ack=1 len=1000
        received 3000
        none
        end-batch
        out A ack=3001
        none
        batch
        in A seq=4001 ack=1 len=1000
        out A ack=3001
        in A seq=5001 ack=1 len=1000
        out A ack=3001
        in A seq=3001 ack=1 len=1000
        out A ack=6001
        end-batch
        none
        """);

    [Fact]
    public void Data_that_is_sent_acknowledges() => ScriptedPeer.Run(
        """
        established
        calm
        in A seq=17 ack=1 len=10
        none
        write 5
        out A seq=1 ack=27 len=5
        +0.1
        none
        """);

    [Fact]
    public void A_gap_is_told_at_once_with_the_latest_block_first_and_filled_at_once() => ScriptedPeer.Run(
        """
        established sackok
        in A seq=1001 ack=1 len=1000
        out A ack=1 sack=1001-2001
        in A seq=3001 ack=1 len=1000
        out A ack=1 sack=3001-4001,1001-2001
        in A seq=5001 ack=1 len=1000
        out A ack=1 sack=5001-6001,3001-4001,1001-2001
        in A seq=7001 ack=1 len=1000
        out A ack=1 sack=7001-8001,5001-6001,3001-4001,1001-2001
        in A seq=2001 ack=1 len=1000
        out A ack=1 sack=1001-4001,7001-8001,5001-6001
        in A seq=1 ack=1 len=1000
        out A ack=4001 sack=7001-8001,5001-6001
        received 4000
        in A seq=4001 ack=1 len=4000
        out A ack=8001 sack=
        received 8000
        """);

    [Fact]
    public void Data_that_came_before_is_told_by_a_DSACK() => ScriptedPeer.Run(
        """
        established sackok
        in A seq=1 ack=1 len=1000
        out A ack=1001
        in A seq=1 ack=1 len=1000
        out A ack=1001 sack=1-1001
        in A seq=2001 ack=1 len=1000
        out A ack=1001 sack=2001-3001
        in A seq=2001 ack=1 len=500
        out A ack=1001 sack=2001-2501,2001-3001
        in A seq=501 ack=1 len=1000
        out A ack=1501 sack=501-1001,2001-3001
        received 1500
        """);

    [Fact]
    public void A_peer_without_SACK_is_sent_none() => ScriptedPeer.Run(
        """
        established
        in A seq=1001 ack=1 len=1000
        out A ack=1 plain
        in A seq=1 ack=1 len=1000
        out A ack=2001 plain
        """);

    [Fact]
    public void Data_beyond_the_window_is_cut_off_and_a_full_window_is_closed() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 len=5000
        out A ack=4001 win=0
        received 4000
        in A seq=4001 ack=1 len=1
        out A ack=4001 win=0
        received 4000
        """,
        receiveCapacity: 4_000);

    [Fact]
    public void With_a_closed_window_acknowledgments_and_resets_count() => ScriptedPeer.Run(
        """
        established
        write 10
        out A seq=1 len=10
        in A seq=1 ack=1 len=4000
        out A ack=4001 win=0
        in A seq=4001 ack=11 len=5
        out A seq=11 ack=4001 win=0
        in R seq=4001
        error Reset
        """,
        receiveCapacity: 4_000);

    [Fact]
    public void The_window_opens_by_no_less_than_a_segment() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 len=1000
        out A
        in A seq=1001 ack=1 len=3000
        out A ack=4001 win=0
        read 500
        none
        read 400
        none
        read 1100
        out A ack=4001 win=2000
        """,
        receiveCapacity: 4_000);

    [Fact]
    public void Data_that_finds_no_memory_is_as_if_it_had_not_come() => ScriptedPeer.Run(
        """
        established
        refuse 1
        in FA seq=1 ack=1 len=10
        out A ack=1
        received 0
        state Established
        in FA seq=1 ack=1 len=10
        out A ack=12
        received 10
        state CloseWait
        """);

    [Fact]
    public void Early_data_that_finds_no_memory_comes_again() => ScriptedPeer.Run(
        """
        established
        refuse 1
        in A seq=11 ack=1 len=10
        out A ack=1
        in A seq=1 ack=1 len=10
        out A ack=11
        received 10
        in A seq=11 ack=1 len=10
        out A ack=21
        received 20
        """);

    [Fact]
    public void A_segment_with_an_old_timestamp_is_dropped_and_answered() => ScriptedPeer.Run(
        """
        established ts=1000,0
        in A seq=1 ack=1 len=10 ts=1010,0
        out A ack=11 ts=100,1010
        in A seq=11 ack=1 len=10 ts=1009,0
        out A ack=11
        received 10
        in A seq=11 ack=1 len=10 ts=1010,0
        out A ack=21
        received 20
        """);

    [Fact]
    public void After_24_silent_days_the_peers_clock_is_forgotten() => ScriptedPeer.Run(
        """
        established ts=1000,0
        in A seq=1 ack=1 len=10 ts=1010,0
        out A ack=11
        +2073601
        in A seq=11 ack=1 len=10 ts=900,0
        out A ack=21
        received 20
        """);

    [Fact]
    public void A_segment_without_the_timestamp_agreed_on_is_dropped_but_a_reset_counts() => ScriptedPeer.Run(
        """
        established ts=1000,0
        in A seq=1 ack=1 len=10
        none
        received 0
        in R seq=1
        error Reset
        """);

    [Fact]
    public void A_peer_that_sends_every_second_byte_costs_bounded_memory_and_loses_nothing()
    {
        string pieces = string.Join('\n', Enumerable.Range(1, 500).Select(i => $"in A seq={(2 * i) + 1} ack=1 len=1"));
        ScriptedPeer peer = ScriptedPeer.Run(
            $"""
            established sackok
            {pieces}
            outs 500
            in A seq=1 ack=1 len=1200
            received 1200
            """);
        Assert.Equal(1_200, peer.User.Received);
    }
}
