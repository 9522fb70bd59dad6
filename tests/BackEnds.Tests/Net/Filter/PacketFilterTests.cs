using System.Globalization;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Net.Filter;

/// <summary>Packets through a filter, as <see cref="Conversation"/> writes them.</summary>
public sealed class PacketFilterTests
{
    private const string Open =
        "accept tcp from guests to outside; accept udp from guests; accept icmp from guests; accept icmpv6 from guests";

    private const string Handshake = "A>out S 100 s0 ok; out>A SA 500 =101 s0 ok; A>out A 101 =501 ok;";

    private static readonly (string Name, string Rules, string Steps)[] Rows =
    [
        ("a connection that a rule accepts goes both ways, and comes to its end", Open, Handshake + """
            A>out PA 101 =501 +500 ok; out>A A 501 =601 ok; out>A PA 501 =601 +1000 ok; A>out A 601 =1501 ok
            A>out FA 601 =1501 ok; out>A FA 1501 =602 ok; A>out A 602 =1502 ok
            """),
        ("nobody connects the other way", Open, "out:2000>A S 1 drop; out>A S 1 drop; out>A udp drop; out>A ping 1 drop; B>A S 1 drop"),
        ("the rejecting default rejects", "default reject", "A>out S 1 reject; A>out A 1 =1 reject; A>out udp reject; out>A ping 1 reject"),
        ("a segment of an unknown connection is dropped although a rule accepts its ends", Open,
            "A>out A 100 =1 drop; A>out SA 100 =1 drop; A>out R 100 drop; A>out FA 100 =1 drop"),
        ("an answer has to acknowledge the SYN", Open,
            "A>out S 100 ok; out>A SA 500 =100 drop; out>A SA 500 =102 drop; out>A SA 500 =101 ok"),
        ("a SYN is sent again, and so is its answer", Open,
            "A>out S 100 ok; A>out S 100 ok; out>A SA 500 =101 ok; out>A SA 500 =101 ok; A>out A 101 =501 ok"),
        ("the opener cannot answer its own SYN", Open,
            "A>out S 100 ok; A>out SA 500 =101 drop; out>A SA 500 =101 ok; A>out SA 101 =501 drop"),
        ("data lies in what its receiver has offered", Open, Handshake + """
            A>out PA 1101 =501 +1 ok; A>out PA 1102 =501 +1 drop; A>out PA 4000000000 =501 +1 drop
            out>A PA 1501 =101 +1 ok; out>A PA 1502 =101 +1 drop
            """),
        ("old data is no older than the largest window", Open, Handshake + """
            A>out PA 101 =501 +1000 ok; out>A A 501 =1101 ok; A>out PA 1101 =501 +1000 ok; out>A A 501 =2101 ok
            A>out PA 1101 =501 +10 ok; A>out PA 1090 =501 +10 drop
            """),
        ("nothing is acknowledged that was not sent", Open,
            Handshake + "A>out A 101 =502 drop; out>A A 501 =102 drop; out>A A 501 =101 ok"),
        ("what is acknowledged lags behind by no more than 66,000 bytes", Open, """
            A>out S 100 w65535 s7 ok; out>A SA 500 =101 w65535 s7 ok; A>out A 101 =501 w500 ok
            A>out PA 101 =501 +50000 ok; out>A A 501 =50101 w500 ok; A>out PA 50101 =501 +50000 ok
            out>A A 501 =34101 w500 ok; out>A A 501 =34100 w500 drop
            """),
        ("windows are scaled if both ends say so", Open, """
            A>out S 100 w1000 s4 ok; out>A SA 500 =101 w1000 s4 ok; A>out A 101 =501 w1000 ok; out>A A 501 =101 w1000 ok
            A>out PA 16101 =501 +1 ok; A>out PA 16102 =501 +1 drop
            """),
        ("windows are not scaled if one end does not say so", Open, """
            A>out S 100 w1000 s4 ok; out>A SA 500 =101 w1000 ok; A>out A 101 =501 w1000 ok; out>A A 501 =101 w1000 ok
            A>out PA 1101 =501 +1 ok; A>out PA 1102 =501 +1 drop
            """),
        ("sequence numbers wrap", Open, """
            A>out S 4294967290 ok; out>A SA 4294967295 =4294967291 ok; A>out A 4294967291 =0 ok
            A>out PA 4294967291 =0 +100 ok; out>A A 0 =95 ok; A>out PA 95 =0 +1 ok; A>out PA 2000 =0 +1 drop
            """),
        ("a refused connection is over, and another one may begin", Open,
            "A>out S 100 ok; out>A RA 0 =101 ok; A>out S 7000 ok; out>A SA 1 =7001 ok"),
        ("a reset of nothing that was sent is dropped", Open, "A>out S 100 ok; out>A RA 0 =99 drop; out>A R 0 drop; out>A SA 500 =101 ok"),
        ("a reset outside the window is dropped, and one that is not the next byte ends nothing", Open, Handshake + """
            out>A R 9000 drop; out>A R 600 ok; wait 11; A>out A 101 =501 ok; out>A R 501 ok; wait 11; A>out A 101 =501 drop
            """),
        ("an opener that begins again makes the other end tell, and resets it", Open,
            Handshake + "A>out S 9000 ok; out>A A 501 =101 ok; A>out R 101 ok; wait 11; A>out S 9000 ok; out>A SA 1 =9001 ok"),
        ("the answering end cannot begin in an open connection", Open, Handshake + "out>A S 501 drop"),
        ("a server with an older connection tells so, and is reset", Open,
            "A>out S 100 ok; out>A A 777 =555 ok; A>out R 555 ok; A>out S 100 ok; out>A SA 500 =101 ok"),
        ("a closed connection may be opened again at once", Open, Handshake + """
            out>A FA 501 =101 ok; A>out FA 101 =502 ok; out>A A 502 =102 ok; A>out S 5000 ok; out>A SA 1 =5001 ok
            """),
        ("a half-closed connection goes on", Open,
            Handshake + "A>out FA 101 =501 ok; out>A A 501 =102 ok; wait 800; out>A PA 501 =102 +900 ok; A>out A 102 =1401 ok"),
        ("an unanswered SYN is forgotten after 30 s", Open, "A>out S 100 ok; wait 29; A>out S 100 ok; wait 31; out>A SA 500 =101 drop"),
        ("an established connection is kept for a day", Open,
            Handshake + "wait 86399; out>A A 501 =101 ok; wait 86401; out>A A 501 =101 drop"),
        ("UDP is answered, for 30 s or, with answers, for 5 minutes", Open, """
            A>out udp ok; out>A udp ok; out:81>A udp drop; out>A:1001 udp drop; wait 299; out>A udp ok; wait 301; out>A udp drop
            A>out udp ok; wait 31; out>A udp drop
            """),
        ("an echo request is answered, with its identifier", Open,
            "out>A pong 5 drop; A>out ping 5 ok; out>A pong 5 ok; out>A pong 6 drop; out>A ping 5 drop; wait 31; out>A pong 5 drop"),
        ("other protocols are answered by their addresses", "accept protocol 50 from guests",
            "A>out proto 50 ok; out>A proto 50 ok; out>A proto 51 drop; out>B proto 50 drop"),
        ("a connection is that of its ports: a third one cannot join it under the same addresses", "accept udp from mac 00:16:3e:00:00:0a",
            "A>out udp ok; out>A udp ok; out>B udp drop; B>A udp drop"),
        ("the first packet may come from either side if rules say so", "accept tcp to mac 00:16:3e:00:00:0b port 22",
            "A>B:22 S 1 ok; B:22>A SA 1 =2 ok; out>B:22 S 1 ok; out>A:22 S 1 drop; B:22>A:1001 S 1 drop"),
    ];

    public static TheoryData<string, bool> Names
    {
        get
        {
            TheoryData<string, bool> data = [];
            foreach ((string name, _, _) in Rows)
            {
                data.Add(name, false);
                data.Add(name, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Packets_go_through_or_not(string name, bool isIPv6)
    {
        (string _, string rules, string steps) = Rows.First(row => row.Name == name);
        new Conversation(rules, isIPv6).Play(steps);
    }

    [Theory]
    [InlineData("an unreachable port", "A>out udp ok", "udp A out", 3, 1, true)]
    [InlineData("a time that was exceeded", "A>out udp ok", "udp A out", 11, 3, true)]
    [InlineData("a field that makes no sense", "A>out udp ok", "udp A out", 12, 4, true)]
    [InlineData("a packet that is too big", "A>out udp ok", "udp A out", 3, 2, true)]
    [InlineData("what is no error", "A>out udp ok", "udp A out", 5, 100, false)]
    [InlineData("a packet that nobody sent", "A>out udp ok", "udp A:7 out", 3, 1, false)]
    [InlineData("a packet of the other end", "A>out udp ok", "udp out A", 3, 1, false)]
    [InlineData("an echo request", "A>out ping 9 ok", "ping A 9", 3, 1, true)]
    [InlineData("an echo request with another identifier", "A>out ping 9 ok", "ping A 8", 3, 1, false)]
    [InlineData("a segment that was sent", "A>out S 100 ok", "tcp A 100", 3, 1, true)]
    [InlineData("a segment that was not sent", "A>out S 100 ok", "tcp A 5000", 3, 1, false)]
    public void An_ICMP_error_passes_if_it_is_about_a_packet_that_was_sent(
        string what, string before, string quoted, byte type, byte typeOfIPv6, bool isPassed)
    {
        foreach (bool isIPv6 in new[] { false, true })
        {
            Conversation conversation = new(Open, isIPv6);
            conversation.Play(before);
            string[] words = quoted.Split(' ');
            string a = conversation.End("A", words[1].Contains(':', StringComparison.Ordinal) ? "7" : "1000");
            string far = conversation.End("out", "80");
            byte[] packet = words[0] switch
            {
                "udp" when words[1] == "out" => Packets.Udp(far, a),
                "udp" => Packets.Udp(a, far),
                "ping" => Packets.Echo(
                    conversation.Address("A"), conversation.Address("out"), true, ushort.Parse(words[2], CultureInfo.InvariantCulture)),
                _ => Packets.Tcp(a, far, "S", uint.Parse(words[2], CultureInfo.InvariantCulture)),
            };

            // A router on the way has sent it, from an address of its own.
            byte[] error = Packets.Icmp(
                isIPv6 ? "fd99::9" : "10.9.9.9", conversation.Address("A"), isIPv6 ? typeOfIPv6 : type, 1, 0, Packets.PacketOf(packet));
            Assert.True(
                conversation.Judge("out", "A", error) == (isPassed ? FilterVerdict.Accept : FilterVerdict.Drop),
                $"an error about {what}{(isIPv6 ? " in IPv6" : "")}");
        }
    }

    [Fact]
    public void Rules_that_change_hold_for_connections_that_are_established()
    {
        Conversation conversation = new(Open);
        conversation.Play(Handshake + "A:2000>out udp ok");
        conversation.Filter.Rules = FilterRules.Parse("accept tcp from guests to outside port 80; default reject");
        conversation.Play("""
            out>A A 501 =101 ok; A>out PA 101 =501 +10 ok; out>A:2000 udp reject; A:2000>out udp reject; A:2000>out:81 S 1 reject
            """);
        conversation.Filter.Rules = FilterRules.Parse("drop tcp; default accept");
        conversation.Play("out>A A 501 =111 drop; A>out PA 111 =501 +10 drop");
        conversation.Filter.Rules = FilterRules.Parse(Open);

        // What was forgotten is not taken up again.
        conversation.Play("A>out PA 111 =501 +10 drop; A>out S 7000 ok");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flood_of_one_port_takes_no_room_of_another_and_an_established_connection_stays(bool isIPv6)
    {
        Conversation conversation = new(
            "accept tcp; accept udp", isIPv6, new() { ConnectionsPerFrontEnd = 50, ConnectionsFromOutside = 20 });
        conversation.Play("B>out S 100 ok; out>B SA 500 =101 ok; B>out A 101 =501 ok; " + Handshake);
        for (int port = 2000; port < 3000; port++)
        {
            conversation.Play(string.Create(CultureInfo.InvariantCulture, $"A:{port}>out S 1 ok; out:{port}>A:{port} udp ok"));
        }

        Assert.Equal((50, 1, 20), (conversation["A"].Opened.Count, conversation["B"].Opened.Count, conversation["out"].Opened.Count));
        conversation.Play("out>B PA 501 =101 +5 ok; out>A PA 501 =101 +5 ok");

        // The newest is there; the oldest is not.
        conversation.Play("out>A:2999 SA 1 =2 ok; out>A:2000 SA 1 =2 drop");
    }

    [Fact]
    public void A_table_full_of_established_connections_takes_no_other_until_one_is_too_old()
    {
        Conversation conversation = new("accept tcp", options: new() { ConnectionsPerFrontEnd = 3 });
        for (int port = 1; port <= 3; port++)
        {
            conversation.Play(string.Create(
                CultureInfo.InvariantCulture,
                $"A:{port}>out S 100 ok; out>A:{port} SA 500 =101 ok; A:{port}>out A 101 =501 ok; wait 1"));
        }

        conversation.Play("A:4>out S 1 drop; wait 86397; A:4>out S 1 ok; out>A:1 A 501 =101 drop; out>A:2 A 501 =101 ok");
        Assert.Contains("1 without room", conversation.Filter.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Later_fragments_pass_after_the_first_and_with_its_verdict(bool isIPv6)
    {
        Conversation conversation = new("accept udp to port 53; default reject", isIPv6);
        byte[] good = Packets.Udp(conversation.End("A", "1000"), conversation.End("out", "53"), 400);
        byte[] bad = Packets.Udp(conversation.End("A", "1000"), conversation.End("out", "54"), 400);
        Assert.Equal(["Drop", "Accept", "Accept", "Accept"], Judge((good, 200, 7), (good, 0, 7), (good, 200, 7), (good, 96, 7)));
        Assert.Equal(["Drop", "Reject", "Drop"], Judge((good, 200, 8), (bad, 0, 9), (bad, 200, 9)));

        // Whoever lets two first fragments overlap gets neither: the receiver may take the other one.
        Assert.Equal(["Reject", "Drop", "Accept", "Drop"], Judge((bad, 0, 7), (good, 200, 7), (good, 0, 7), (good, 200, 7)));
        Assert.Equal(["Accept", "Accept"], Judge((good, 0, 10), (good, 200, 10)));
        conversation.Now += 31_000_000_000;
        Assert.Equal(["Drop"], Judge((good, 200, 10)));
        Assert.Equal(["Accept"], Judge((good, 0, 11)));
        conversation.Filter.Rules = conversation.Filter.Rules;
        Assert.Equal(["Drop"], Judge((good, 200, 11)));

        string[] Judge(params (byte[] Packet, int Offset, ushort Identification)[] fragments) =>
        [
            .. fragments.Select(one => conversation.Judge(
                "A", "out", Packets.Fragment(one.Packet, one.Offset, one.Offset == 0 ? 96 : 104, one.Identification)).ToString()),
        ];
    }

    [Fact]
    public void Routers_are_outside()
    {
        Conversation conversation = new("default accept");
        byte[] advertisement = Packets.Icmp("fe80::1", "ff02::1", 134, more: new byte[8]);
        Assert.Equal(FilterVerdict.Accept, conversation.Judge("out", "A", advertisement));
        Assert.Equal(FilterVerdict.Drop, conversation.Judge("A", "B", advertisement));
        byte[] redirect = Packets.Icmp("fe80::1", "fd00::2", 137, more: new byte[32]);
        Assert.Equal(FilterVerdict.Accept, conversation.Judge("out", "A", redirect));
        Assert.Equal(FilterVerdict.Drop, conversation.Judge("B", "A", redirect));
    }

    [Fact]
    public void A_front_end_that_comes_back_in_time_finds_its_connections_whatever_its_domain()
    {
        Conversation conversation = new(Open);
        conversation.Play(Handshake);
        FilterPort before = conversation["A"];
        conversation.Filter.Disconnect(before, conversation.Now);
        conversation.Play("wait 299");
        Assert.Same(before, conversation.Connect("A", 9));
        conversation.Play("out>A A 501 =101 ok");
        conversation.Filter.Disconnect(before, conversation.Now);
        conversation.Play("wait 301");
        Assert.NotSame(before, conversation.Connect("A", 10));
    }

    [Fact]
    public void A_packet_of_a_known_connection_takes_no_memory()
    {
        Conversation conversation = new(Open);
        conversation.Play(Handshake);
        byte[] there = Packets.Tcp("10.0.0.2:1000", "10.0.0.1:80", "PA", 101, 501, 100);
        byte[] back = Packets.Tcp("10.0.0.1:80", "10.0.0.2:1000", "A", 501, 201);
        Assert.Equal(FilterVerdict.Accept, conversation.Judge("A", "out", there));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            conversation.Judge("A", "out", there);
            conversation.Judge("out", "A", back);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
