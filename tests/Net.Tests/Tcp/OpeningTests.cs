using Xenlet.Net.Tests.Tcp.Simulation;
using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>How connections begin (RFC 9293, section 3.5).</summary>
public sealed class OpeningTests
{
    [Fact]
    public void An_active_open_offers_all_options() => ScriptedPeer.Run(
        """
        connect
        out S seq=0 win=65535 len=0 mss=1460 ws=4 sackok ts=0,0
        state SynSent
        +0.1
        in SA seq=0 ack=1 win=1000 mss=1200 ws=2 sackok ts=77,0
        out A seq=1 ack=1 len=0 win=62499 ts=100,77
        state Established
        """,
        receiveCapacity: 1_000_000);

    [Fact]
    public void What_a_SYN_announces_as_its_segment_size_is_what_the_path_carries() => ScriptedPeer.Run(
        """
        mtu 640
        connect
        out S mss=600
        """);

    [Fact]
    public void A_host_offers_and_takes_only_the_options_that_it_is_to_use() => ScriptedPeer.Run(
        """
        connect
        out S mss=1460
        in SA seq=0 ack=1 mss=1200 ws=2 sackok ts=77,0
        out A plain
        """,
        features: TcpFeatures.None);

    [Fact]
    public void A_passive_open_takes_the_options_that_the_peer_offers() => ScriptedPeer.Run(
        """
        listen
        in S seq=0 win=1000 mss=1200 ws=2 sackok ts=77,0
        out SA seq=0 ack=1 win=65535 mss=1460 ws=4 sackok ts=0,77
        +0.1
        in A seq=1 ack=1 win=1000 ts=78,0
        none
        state Established
        """,
        receiveCapacity: 1_000_000);

    [Fact]
    public void A_passive_open_offers_nothing_that_the_peer_does_not() => ScriptedPeer.Run(
        """
        listen
        in S seq=0 win=1000
        out SA seq=0 ack=1 win=60000 mss=1460
        in A seq=1 ack=1 win=50000
        write 5000
        out A seq=1 len=536 plain
        """);

    [Fact]
    public void Two_ends_may_open_at_once() => ScriptedPeer.Run(
        """
        connect
        out S seq=0
        in S seq=0 win=50000 mss=1000
        out SA seq=0 ack=1
        state SynReceived
        in SA seq=0 ack=1 win=50000 mss=1000
        state Established
        none
        in A seq=1 ack=1 len=10
        out A ack=11
        received 10
        """);

    /// <summary>As its user has opened it, unlike a listener, the user is told.</summary>
    [Fact]
    public void An_open_at_both_ends_that_is_reset_was_refused() => ScriptedPeer.Run(
        """
        connect
        out S seq=0
        in S seq=0 win=50000 mss=1000
        out SA seq=0 ack=1
        in R seq=1
        none
        error Refused
        """);

    [Fact]
    public void Data_and_the_end_may_come_with_the_answer_to_a_SYN() => ScriptedPeer.Run(
        """
        connect
        out S
        in SAF seq=0 ack=1 len=10 mss=1000
        out A seq=1 ack=12
        received 10
        finished
        state CloseWait
        """);

    [Theory]
    [InlineData("in RA seq=0 ack=1", "error Refused")]
    [InlineData("in R seq=0", "state SynSent")]
    [InlineData("in RA seq=0 ack=0", "state SynSent")]
    [InlineData("in RA seq=0 ack=2", "state SynSent")]
    [InlineData("in A seq=1 ack=1", "state SynSent")]
    [InlineData("in F seq=1", "state SynSent")]
    public void Only_a_reset_that_acknowledges_the_SYN_refuses_a_connection(string segment, string outcome) => ScriptedPeer.Run(
        $"""
        connect
        out S
        {segment}
        none
        {outcome}
        """);

    [Theory]
    [InlineData("in SA seq=0 ack=0", "out R seq=0 len=0")]
    [InlineData("in SA seq=0 ack=2", "out R seq=2 len=0")]
    [InlineData("in A seq=0 ack=-5", "out R seq=-5 len=0")]
    public void An_acknowledgment_of_another_SYN_is_reset(string segment, string answer) => ScriptedPeer.Run(
        $"""
        connect
        out S
        {segment}
        {answer}
        state SynSent
        """);

    [Fact]
    public void A_SYN_is_sent_again_seven_times_in_four_minutes() => ScriptedPeer.Run(
        """
        connect
        out S seq=0
        +0.999
        none
        +0.001
        out S seq=0
        +2
        out S seq=0
        +4
        out S seq=0
        +8
        out S seq=0
        +16
        out S seq=0
        +32
        out S seq=0
        +64
        out S seq=0
        +119.9
        none
        alive
        +0.1
        none
        error TimedOut
        """);

    [Fact]
    public void When_the_SYN_was_lost_the_first_window_is_one_segment_and_the_first_timeout_three_seconds() => ScriptedPeer.Run(
        """
        connect
        out S
        +1
        out S
        in SA seq=0 ack=1 mss=1000
        out A
        cwnd 1000
        write 5000
        out A seq=1 len=1000
        +2.99
        none
        +0.01
        out A seq=1 len=1000
        """);

    [Fact]
    public void A_timestamp_tells_that_the_SYN_was_not_lost() => ScriptedPeer.Run(
        """
        connect
        out S ts=0,0
        +1
        out S ts=1000,0
        +0.2
        in SA seq=0 ack=1 mss=1012 ts=7,0
        out A
        cwnd 10000
        """);

    [Fact]
    public void The_answer_to_a_SYN_is_sent_again_five_times_and_then_forgotten() => ScriptedPeer.Run(
        """
        listen
        in S seq=0 mss=1000
        out SA seq=0 ack=1
        +1
        out SA seq=0 ack=1
        +2
        out SA
        +4
        out SA
        +8
        out SA
        +16
        out SA
        +40
        none
        in A seq=1 ack=1
        out R seq=1
        """);

    [Fact]
    public void A_SYN_that_comes_again_is_answered_again() => ScriptedPeer.Run(
        """
        listen
        in S seq=0 mss=1000
        out SA seq=0 ack=1
        +0.6
        in S seq=0 mss=1000
        out SA seq=0 ack=1
        in A seq=1 ack=1
        state Established
        """);

    [Theory]
    [InlineData("in R seq=1", "out R seq=1")]
    [InlineData("in R seq=2", "none")]
    [InlineData("in R seq=70000", "none")]
    public void A_half_open_connection_is_forgotten_by_a_reset_at_its_very_place(string reset, string answerToTheAcknowledgment) =>
        ScriptedPeer.Run(
            $"""
            listen
            in S seq=0 mss=1000
            out SA seq=0 ack=1
            {reset}
            none
            in A seq=1 ack=1
            {answerToTheAcknowledgment}
            """);

    [Theory]
    [InlineData("in A seq=1 ack=2", "out R seq=2")]
    [InlineData("in A seq=1 ack=0", "out R seq=0")]
    [InlineData("in A seq=70000 ack=1", "none")]
    [InlineData("in SA seq=0 ack=1", "none")]
    public void A_half_open_connection_is_opened_by_nothing_but_its_acknowledgment(string segment, string answer) => ScriptedPeer.Run(
        $"""
        listen
        in S seq=0 mss=1000
        out SA seq=0 ack=1
        {segment}
        {answer}
        in A seq=1 ack=1
        state Established
        """);

    [Theory]
    [InlineData("in S seq=10", "out RA seq=0 ack=11 len=0")]
    [InlineData("in FA seq=10 ack=7 len=5", "out R seq=0 len=0")]
    [InlineData("in R seq=10", "none")]
    [InlineData("in RA seq=10 ack=7", "none")]
    [InlineData("in S seq=10 damaged", "none")]
    public void A_port_that_nobody_holds_answers_with_a_reset_but_never_to_one(string segment, string answer) => ScriptedPeer.Run(
        $"""
        {segment}
        {answer}
        """);

    [Theory]
    [InlineData("in R seq=10")]
    [InlineData("in SF seq=10")]
    [InlineData("in F seq=10")]
    public void A_listener_is_silent_to_what_opens_nothing(string segment) => ScriptedPeer.Run(
        $"""
        listen
        {segment}
        none
        """);

    [Theory]
    [InlineData("NoRoute", TcpError.NetworkUnreachable)]
    [InlineData("NoNeighbour", TcpError.HostUnreachable)]
    internal void A_SYN_that_cannot_be_sent_ends_the_attempt(string result, TcpError error) => ScriptedPeer.Run(
        $"""
        sends {result}
        connect
        error {error}
        """);

    [Theory]
    [InlineData("icmp hard Refused 0", "error Refused")]
    [InlineData("icmp hard Refused 1", "alive")]
    [InlineData("icmp soft HostUnreachable 0", "alive")]
    public void An_ICMP_error_ends_an_attempt_when_it_is_hard_and_quotes_our_SYN(string error, string outcome) => ScriptedPeer.Run(
        $"""
        connect
        out S
        {error}
        {outcome}
        """);

    [Fact]
    public void A_soft_ICMP_error_is_the_reason_given_when_the_attempt_times_out() => ScriptedPeer.Run(
        """
        connect
        icmp soft HostUnreachable 0
        +247
        error HostUnreachable
        """);

    [Theory]
    [InlineData(1, 48)]
    [InlineData(47, 48)]
    [InlineData(400, 400)]
    [InlineData(9_000, 1_460)]
    public void A_segment_is_as_large_as_the_peer_takes_and_the_path_carries_but_not_absurdly_small(int offered, int used) =>
        ScriptedPeer.Run(
            $"""
            connect
            out S
            in SA seq=0 ack=1 mss={offered}
            out A
            write 5000
            out A seq=1 len={used}
            """);

    [Fact]
    public void A_window_scale_beyond_14_counts_as_14() => ScriptedPeer.Run(
        """
        connect
        out S
        +0.1
        in SA seq=0 ack=1 mss=1000 ws=200 win=10
        out A
        in A seq=1 ack=1 win=1
        write 10000
        outs 10
        """);
}
