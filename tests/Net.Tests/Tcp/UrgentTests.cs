using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>Urgent data both ways. A mark is named by the byte's place in the stream, from 0.</summary>
public sealed class UrgentTests
{
    [Fact]
    public void The_urgent_byte_is_the_one_before_the_pointer_and_stays_in_the_stream() => ScriptedPeer.Run(
        """
        established
        unmarked
        in AU seq=1 ack=1 len=10 urg=4
        marked 3
        out A ack=11
        received 10
        """);

    [Fact]
    public void A_pointer_of_zero_names_the_first_byte() => ScriptedPeer.Run(
        """
        established
        in AU seq=1 ack=1 len=10 urg=0
        marked 0
        """);

    [Fact]
    public void A_pointer_is_told_before_its_byte_and_even_with_a_closed_window() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 len=1000
        in A seq=1001 ack=1 len=1000
        in A seq=2001 ack=1 len=1000
        in A seq=3001 ack=1 len=1000
        in AU seq=4001 ack=1 urg=30
        announced 4029
        received 4000
        read 4000
        in A seq=4001 ack=1 len=20
        announced 4029
        in A seq=4021 ack=1 len=20
        marked 4029
        received 4040
        """,
        receiveCapacity: 4_000);

    [Fact]
    public void The_urgent_byte_comes_before_its_turn() => ScriptedPeer.Run(
        """
        established
        in AU seq=101 ack=1 len=10 urg=10
        marked 109
        received 0
        in A seq=1 ack=1 len=100
        received 110
        marked 109
        """);

    [Fact]
    public void Only_a_pointer_that_advances_moves_the_mark() => ScriptedPeer.Run(
        """
        established
        in AU seq=1 ack=1 len=10 urg=20
        announced 19
        in AU seq=11 ack=1 len=5 urg=3
        announced 19
        in AU seq=16 ack=1 len=10 urg=10
        marked 24
        in AU seq=16 ack=1 len=10 urg=9
        marked 24
        in AU seq=1 ack=1 len=10 urg=20
        marked 24
        in A seq=26 ack=1 len=10
        in AU seq=36 ack=1 len=10 urg=10
        marked 44
        """);

    [Fact]
    public void A_pointer_to_what_has_come_is_of_no_use() => ScriptedPeer.Run(
        """
        established
        in A seq=1 ack=1 len=100
        in AU seq=51 ack=1 len=60 urg=30
        unmarked
        received 110
        """);

    [Fact]
    public void A_pointer_as_far_as_can_be_costs_nothing_and_the_connection_goes_on() => ScriptedPeer.Run(
        """
        established
        in AU seq=1 ack=1 len=10 urg=65535
        announced 65534
        times 50 in AU seq=11 ack=1 urg=65535
        announced 65544
        in FA seq=11 ack=1 len=10
        received 20
        finished
        state CloseWait
        """);

    [Fact]
    public void A_pointer_outside_of_the_window_or_behind_the_end_is_not_believed() => ScriptedPeer.Run(
        """
        established
        in AU seq=70001 ack=1 len=10 urg=5
        in AU seq=1 ack=90000 len=10 urg=5
        unmarked
        in FA seq=1 ack=1 len=10
        in AU seq=12 ack=1 urg=5
        unmarked
        received 10
        """);

    [Fact]
    public void What_is_written_as_urgent_is_pointed_to_until_it_is_acknowledged() => ScriptedPeer.Run(
        """
        established
        write 500
        out A seq=1 len=500 urg=0
        urgent 1
        out AU seq=501 len=1 urg=1
        in A seq=1 ack=502
        write 10
        out A seq=502 len=10 urg=0
        """);

    [Fact]
    public void Urgent_data_of_any_length_is_pointed_to_from_the_first_segment() => ScriptedPeer.Run(
        """
        established
        urgent 2500
        out AU seq=1 len=1000 urg=2500
        out AU seq=1001 len=1000 urg=1500
        out AU seq=2001 len=500 urg=500
        in A seq=1 ack=2501
        write 5
        out A seq=2501 len=5 urg=0
        """);

    [Fact]
    public void Acknowledgments_and_retransmissions_point_to_urgent_data_too() => ScriptedPeer.Run(
        """
        established
        urgent 20
        out AU seq=1 len=20 urg=20
        in A seq=1 ack=1 len=1000
        out A seq=21 ack=1001 len=0 urg=0
        +0.5
        out AU seq=1 len=20 urg=20
        """);

    [Fact]
    public void A_probe_of_a_closed_window_tells_of_urgent_data() => ScriptedPeer.Run(
        """
        established
        write 100
        out A seq=1 len=100
        in A seq=1 ack=101 win=0
        urgent 1
        none
        +0.5
        out AU seq=100 len=0 urg=2
        """);

    [Fact]
    public void A_device_that_cuts_segments_gets_no_urgent_ones_to_cut() => ScriptedPeer.Run(
        """
        segmenting
        established
        urgent 3000
        out AU seq=1 len=1000 urg=3000
        out AU seq=1001 len=1000 urg=2000
        out AU seq=2001 len=1000 urg=1000
        in A seq=1 ack=3001
        write 3000
        out A seq=3001 len=3000 urg=0
        """);

    [Fact]
    public void A_pointer_beyond_the_field_is_as_far_as_it_goes() => ScriptedPeer.Run(
        """
        established
        urgent 100000
        out AU seq=1 len=1000 urg=65535
        """);

    [Fact]
    public void Urgent_data_does_not_wait_for_the_acknowledgment_of_a_small_segment() => ScriptedPeer.Run(
        """
        established
        write 5
        out A seq=1 len=5
        write 5
        none
        urgent 1
        out AU seq=6 len=6 urg=6
        """);
}
