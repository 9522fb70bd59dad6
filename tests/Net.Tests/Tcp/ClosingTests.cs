using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>How connections end (RFC 9293, sections 3.5.3 and 3.6), and what ends none (RFC 5961).</summary>
public sealed class ClosingTests
{
    [Fact]
    public void The_end_that_closes_first_goes_through_TIME_WAIT() => ScriptedPeer.Run(
        """
        established
        finish
        out FA seq=1 ack=1 len=0
        state FinWait1
        in A seq=1 ack=2
        state FinWait2
        in FA seq=1 ack=2
        out A seq=2 ack=2
        finished
        error None
        timewait 1
        +59.9
        timewait 1
        +0.1
        timewait 0
        """);

    [Fact]
    public void The_end_that_closes_last_waits_for_the_acknowledgment_of_its_FIN() => ScriptedPeer.Run(
        """
        established
        in FA seq=1 ack=1
        out A seq=1 ack=2
        finished
        state CloseWait
        write 10
        out A seq=1 len=10
        in A seq=2 ack=11
        finish
        out FA seq=11 ack=2
        state LastAck
        in A seq=2 ack=12
        error None
        timewait 0
        """);

    [Fact]
    public void Both_ends_may_close_at_once() => ScriptedPeer.Run(
        """
        established
        finish
        out FA seq=1 ack=1
        in FA seq=1 ack=1
        out A seq=2 ack=2
        state Closing
        in A seq=2 ack=2
        error None
        timewait 1
        """);

    [Fact]
    public void A_FIN_may_acknowledge_ours() => ScriptedPeer.Run(
        """
        established
        finish
        out FA seq=1
        in FA seq=1 ack=2
        out A seq=2 ack=2
        error None
        timewait 1
        """);

    [Fact]
    public void An_end_that_has_closed_goes_on_to_receive() => ScriptedPeer.Run(
        """
        established
        finish
        out FA seq=1
        in A seq=1 ack=2 len=100
        out A seq=2 ack=101
        received 100
        read 100
        in FA seq=101 ack=2 len=50
        out A seq=2 ack=152
        received 150
        finished
        """);

    [Fact]
    public void A_FIN_follows_all_data() => ScriptedPeer.Run(
        """
        established
        write 1500
        outs 2
        finish
        out FA seq=1501 len=0
        """);

    [Fact]
    public void A_FIN_goes_with_the_last_data() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 win=0
        write 10
        finish
        none
        in A seq=1 ack=1 win=1000
        out FAP seq=1 len=10
        """);

    [Fact]
    public void A_FIN_is_sent_again_until_it_is_acknowledged() => ScriptedPeer.Run(
        """
        established
        finish
        out FA seq=1
        +0.3
        out FA seq=1
        +0.6
        out FA seq=1
        in A seq=1 ack=2
        +100
        none
        """);

    [Fact]
    public void A_FIN_before_its_turn_counts_when_the_data_before_it_has_come() => ScriptedPeer.Run(
        """
        established sackok
        in FA seq=11 ack=1
        out A ack=1
        state Established
        in A seq=1 ack=1 len=10
        out A ack=12
        received 10
        finished
        """);

    [Fact]
    public void Data_for_nobody_resets_the_connection() => ScriptedPeer.Run(
        """
        established
        close
        out FA seq=1
        in A seq=1 ack=2
        error None
        in A seq=1 ack=2 len=10
        out RA seq=2
        gone
        """);

    [Fact]
    public void Data_for_nobody_resets_the_connection_though_there_is_no_room_for_it() => ScriptedPeer.Run(
        """
        established
        write 10
        out A seq=1 len=10
        in A seq=1 ack=1 len=100
        out A ack=101
        close
        out FA seq=11
        in A seq=101 ack=1 len=10
        out RA
        error Reset
        """,
        receiveCapacity: 100);

    [Fact]
    public void Closing_with_unread_data_resets_the_connection() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 len=10
        out A
        close unread
        out RA seq=1 ack=11
        error None
        timewait 0
        """);

    [Fact]
    public void An_abort_sends_a_reset_and_nothing_more() => ScriptedPeer.Run(
        """
        established
        write 10
        out A seq=1 len=10
        abort
        out RA seq=11 ack=1
        +100
        none
        """);

    [Fact]
    public void A_connection_that_nobody_owns_is_its_users_no_more_when_all_is_acknowledged_and_waits_a_minute_for_the_peers_end() =>
        ScriptedPeer.Run(
            """
            established
            write 10
            out A seq=1 len=10
            close
            out FA seq=11
            in A seq=1 ack=11
            alive
            in A seq=1 ack=12
            error None
            state FinWait2
            +59
            state FinWait2
            +1
            gone
            timewait 0
            """);

    [Fact]
    public void One_that_is_closed_when_all_is_acknowledged_is_its_users_no_more_at_once() => ScriptedPeer.Run(
        """
        established
        finish
        out FA seq=1
        in A seq=1 ack=2
        alive
        close
        error None
        in FA seq=1 ack=2
        out A seq=2 ack=2
        gone
        timewait 1
        """);

    [Fact]
    public void A_connection_that_nobody_owns_is_given_up_sooner() => ScriptedPeer.Run(
        """
        established
        write 10
        close
        +150
        alive
        +5
        error TimedOut
        """);

    [Fact]
    public void TIME_WAIT_acknowledges_a_FIN_that_comes_again_and_lasts_anew() => ScriptedPeer.Run(
        """
        established
        finish
        out FA
        in FA seq=1 ack=2
        out A seq=2 ack=2
        +50
        in FA seq=1 ack=2
        out A seq=2 ack=2
        +59
        timewait 1
        +1
        timewait 0
        """);

    [Theory]
    [InlineData("in R seq=2")]
    [InlineData("in A seq=2 ack=2")]
    public void TIME_WAIT_is_not_ended_by(string segment) => ScriptedPeer.Run(
        $"""
        established
        finish
        out FA
        in FA seq=1 ack=2
        out A seq=2 ack=2
        {segment}
        none
        timewait 1
        """);

    [Theory]
    [InlineData("in S seq=3 mss=1000", "out SA ack=4")]
    [InlineData("in S seq=1 mss=1000", "out A ack=2")]
    public void A_SYN_behind_all_old_data_opens_a_new_connection_out_of_TIME_WAIT(string syn, string answer) => ScriptedPeer.Run(
        $"""
        accepted
        finish
        out FA
        in FA seq=1 ack=2
        out A seq=2 ack=2
        timewait 1
        {syn}
        {answer}
        """);

    [Theory]
    [InlineData("in S seq=0 mss=1000 ts=201,0", "out SA ack=1")]
    [InlineData("in S seq=9000 mss=1000 ts=199,0", "out A ack=2")]
    public void A_SYN_with_a_later_timestamp_opens_a_new_connection_out_of_TIME_WAIT(string syn, string answer) => ScriptedPeer.Run(
        $"""
        listen
        in S seq=0 mss=1000 ts=100,0
        out SA
        in A seq=1 ack=1 ts=110,0
        finish
        out FA
        in FA seq=1 ack=2 ts=200,0
        out A seq=2 ack=2
        timewait 1
        {syn}
        {answer}
        """);

    [Theory]
    [InlineData("in R seq=1", "none", "error Reset")]
    [InlineData("in RA seq=1 ack=77", "none", "error Reset")]
    [InlineData("in R seq=1 len=10", "none", "error Reset")]
    [InlineData("in R seq=2", "out A seq=1 ack=1 len=0", "alive")]
    [InlineData("in R seq=60000", "out A seq=1 ack=1 len=0", "alive")]
    [InlineData("in R seq=60002", "none", "alive")]
    [InlineData("in R seq=0", "none", "alive")]
    public void Only_a_reset_at_the_very_next_sequence_number_resets_a_connection(string segment, string answer, string outcome) =>
        ScriptedPeer.Run(
            $"""
            established
            {segment}
            {answer}
            {outcome}
            """);

    [Theory]
    [InlineData("in S seq=1")]
    [InlineData("in S seq=70000")]
    [InlineData("in SA seq=0 ack=1")]
    [InlineData("in A seq=1 ack=2")]
    [InlineData("in A seq=1 ack=-60000")]
    [InlineData("in A seq=70000 ack=1 len=10")]
    public void What_should_not_come_is_answered_by_an_acknowledgment_and_changes_nothing(string segment) => ScriptedPeer.Run(
        $"""
        established
        {segment}
        out A seq=1 ack=1 len=0
        state Established
        received 0
        """);

    [Fact]
    public void Challenges_are_limited() => ScriptedPeer.Run(
        """
        established
        times 50 in S seq=1
        outs 10
        +0.5
        times 50 in R seq=2
        outs 1
        """);

    [Fact]
    public void A_segment_without_acknowledgment_is_ignored() => ScriptedPeer.Run(
        """
        established
        in F seq=1
        in P seq=1 len=10
        none
        received 0
        """);
}
