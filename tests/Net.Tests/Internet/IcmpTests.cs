using System.Buffers.Binary;
using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Internet;

/// <summary>ICMP and ICMPv6: echo, errors that are sent, and errors that arrive.</summary>
public sealed class IcmpTests
{
    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData("10.0.0.1/24", "10.0.0.2/24", 56)]
    [InlineData("10.0.0.1/24", "10.0.0.2/24", 20_000)]
    [InlineData("fd00::1/64", "fd00::2/64", 56)]
    [InlineData("fd00::1/64", "fd00::2/64", 20_000)]
    public void An_echo_comes_back_with_its_bytes_however_many(string ours, string theirs, int length)
    {
        TestHost host = _network.AddHost(ours);
        TestHost peer = _network.AddHost(theirs);
        bool isIPv4 = ours.Contains('.');
        byte protocol = isIPv4 ? ProtocolNumber.Icmp : ProtocolNumber.IcmpV6;
        InternetAddress source = TestNetwork.Parse(ours.Split('/')[0]);
        InternetAddress destination = TestNetwork.Parse(theirs.Split('/')[0]);
        TestTransport.AddTo(peer);
        TestTransport.AddTo(host).Send(theirs.Split('/')[0], 8);
        TestTransport.AddTo(peer).Send(ours.Split('/')[0], 8);
        _network.Settle();
        PacketBuffer packet = host.Stack.Pool.Rent(length + 8);
        new IcmpHeader(isIPv4 ? IcmpType.EchoRequest : IcmpV6Type.EchoRequest, 0, 0x1234_0001).Write(packet.Append(8));
        packet.Append(length).Fill(0x5A);
        IcmpHeader.WriteChecksum(
            packet.Data, isIPv4 ? 0 : InternetChecksum.PseudoHeader(source, destination, protocol, packet.Length));

        host.Stack.Internet.Output.Send(packet, new InternetHeader(source, destination, protocol, 0, 0, CanFragment: true));
        _network.Settle();

        IcmpStatistics answered = isIPv4 ? peer.Stack.IcmpStatistics : peer.Stack.IcmpV6Statistics;
        IcmpStatistics heard = isIPv4 ? host.Stack.IcmpStatistics : host.Stack.IcmpV6Statistics;
        Assert.Equal((1, 1), (answered.InEchos, answered.OutEchoReps));
        Assert.Equal((1, 0), (heard.InEchoReps, heard.InCsumErrors));
        Assert.Equal((0, 0), (host.Stack.Pool.Rented, peer.Stack.Pool.Rented));
    }

    [Fact]
    public void An_echo_to_everybody_is_not_answered()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        host.TakeIPv4(
            "10.0.0.9",
            "10.0.0.255",
            ProtocolNumber.Icmp,
            TestHost.Icmp(IcmpType.EchoRequest, 0, 0, [1]),
            frameDestination: MacAddress.Broadcast);
        _network.Settle();
        Assert.Equal((1, 0), (host.Stack.IcmpStatistics.InEchos, host.Stack.IcmpStatistics.OutMsgs));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_protocol_that_nobody_speaks_is_refused_with_the_packet_quoted(bool isIPv4)
    {
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        _network.AddHost("10.0.0.9/24 fd00::9/64");
        if (isIPv4)
        {
            host.TakeIPv4("10.0.0.9", "10.0.0.1", 199, [1, 2, 3, 4]);
        }
        else
        {
            host.TakeIPv6("fd00::9", "fd00::1", 199, [1, 2, 3, 4]);
        }

        _network.Settle();

        int ip = isIPv4 ? IPv4Header.Size : IPv6Header.Size;
        byte[] frame = _network.Wire.Sent[^1];
        Assert.Equal(isIPv4 ? IcmpType.DestinationUnreachable : IcmpV6Type.ParameterProblem, frame[14 + ip]);
        Assert.Equal(isIPv4 ? IcmpType.ProtocolUnreachable : IcmpV6Type.UnrecognisedNextHeader, frame[14 + ip + 1]);
        Assert.Equal([1, 2, 3, 4], frame[^4..]);
        Assert.Equal(isIPv4 ? 0u : 6u, BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(14 + ip + 4)));
    }

    /// <summary>Nothing answers an error, a group, a fragment that is not the first, or nobody (RFC 1122, section 3.2.2).</summary>
    [Fact]
    public void What_must_not_be_answered_by_an_error_is_not()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        host.TakeIPv4("10.0.0.9", "10.0.0.255", 199, [1, 2, 3, 4], frameDestination: MacAddress.Broadcast);
        host.TakeIPv4("10.0.0.9", "10.0.0.1", 199, [1, 2, 3, 4], fragmentOffset: 8);
        host.TakeIPv4("0.0.0.0", "10.0.0.255", 199, [1, 2, 3, 4], frameDestination: MacAddress.Broadcast);
        _network.Settle();
        Assert.Equal(0, host.Stack.IcmpStatistics.OutMsgs);
    }

    [Fact]
    public void Errors_are_sent_at_a_limited_rate()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        for (int i = 0; i < 1_000; i++)
        {
            host.TakeIPv4("10.0.0.9", "10.0.0.1", 199, new byte[10]);
        }

        _network.Settle();
        Assert.Equal((50, 950), (host.Stack.IcmpStatistics.OutMsgs, host.Stack.IcmpStatistics.OutRateLimitGlobal));
        _network.Advance(TimeSpan.FromSeconds(1));
        host.TakeIPv4("10.0.0.9", "10.0.0.1", 199, new byte[10]);
        _network.Settle();
        Assert.Equal(51, host.Stack.IcmpStatistics.OutMsgs);
    }

    [Theory]
    [InlineData(3, 0, "NetworkUnreachable")]
    [InlineData(3, 1, "HostUnreachable")]
    [InlineData(3, 2, "ProtocolUnreachable")]
    [InlineData(3, 3, "PortUnreachable")]
    [InlineData(3, 4, "PacketTooBig")]
    [InlineData(3, 13, "HostUnreachable")]
    [InlineData(11, 0, "TimeExceeded")]
    [InlineData(12, 0, "ParameterProblem")]
    public void An_error_reaches_the_transport_whose_packet_it_quotes(byte type, byte code, string kind)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport transport = TestTransport.AddTo(host, ProtocolNumber.Tcp);

        Error(host, type, code, 0, Quote("10.0.0.1", "192.0.2.1"));

        IcmpError error = Assert.Single(transport.Errors);
        Assert.Equal(kind, error.Kind.ToString());
        Assert.Equal("10.0.0.1:1000 - 192.0.2.1:80", error.Flow.ToString());
        Assert.Equal(0xAABBCCDDu, error.SequenceNumber);
    }

    [Fact]
    public void An_error_that_quotes_nothing_of_ours_reaches_nobody()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport transport = TestTransport.AddTo(host, ProtocolNumber.Tcp);

        Error(host, 3, 3, 0, Quote("10.0.0.2", "192.0.2.1"));
        Error(host, 3, 3, 0, Quote("10.0.0.1", "192.0.2.1")[..27]);
        Error(host, 3, 3, 0, []);

        Assert.Empty(transport.Errors);
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Theory]
    [InlineData(1_400, 1_400)]
    [InlineData(100, PathMtuCache.SmallestIPv4)]
    [InlineData(0, 1_492)]
    [InlineData(9_000, 1_500)]
    public void A_path_takes_what_an_error_of_our_own_packet_says_within_reason(ushort told, int expected)
    {
        TestHost host = Routed();
        TestTransport transport = TestTransport.AddTo(host, ProtocolNumber.Tcp);

        Error(host, 3, 4, told, Quote("10.0.0.1", "192.0.2.1"));

        Assert.Equal(expected, host.Stack.Internet.Output.PathMtu(TestNetwork.Parse("192.0.2.1")));
        Assert.Equal(expected == 1_500 ? 0 : 1, transport.ChangedMtus.Count);
    }

    [Fact]
    public void A_forged_size_is_not_believed_and_a_believed_one_is_forgotten_after_ten_minutes()
    {
        TestHost host = Routed();
        TestTransport transport = TestTransport.AddTo(host, ProtocolNumber.Tcp);
        InternetAddress remote = TestNetwork.Parse("192.0.2.1");

        transport.IsOurs = false;
        Error(host, 3, 4, 1_400, Quote("10.0.0.1", "192.0.2.1"));
        Assert.Equal(1_500, host.Stack.Internet.Output.PathMtu(remote));

        transport.IsOurs = true;
        Error(host, 3, 4, 1_400, Quote("10.0.0.1", "192.0.2.1"));
        Assert.Equal(1_400, host.Stack.Internet.Output.PathMtu(remote));
        Assert.Equal(InternetSendResult.TooLarge, transport.Send("192.0.2.1", 1_400, protocol: ProtocolNumber.Tcp));

        _network.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(1_500, host.Stack.Internet.Output.PathMtu(remote));
        Assert.Equal([remote, remote], transport.ChangedMtus);
    }

    [Theory]
    [InlineData(1_400, 1_400)]
    [InlineData(600, 1_280)]
    public void A_path_of_IPv6_is_not_made_smaller_than_IPv6_allows(uint told, int expected)
    {
        TestHost host = _network.AddHost("fd00::1/64");
        TestTransport.AddTo(host, ProtocolNumber.Tcp);
        byte[] quote = new byte[48];
        new IPv6Header
        {
            PayloadLength = 1_460,
            NextHeader = ProtocolNumber.Tcp,
            Source = TestNetwork.Parse("fd00::1"),
            Destination = TestNetwork.Parse("fd00::2"),
        }.Write(quote);

        byte[] message = TestHost.Icmp(IcmpV6Type.PacketTooBig, 0, told, quote);
        message[2] = message[3] = 0;
        host.TakeIPv6("fd00::3", "fd00::1", ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, "fd00::3", "fd00::1"));
        _network.Settle();

        Assert.Equal(expected, host.Stack.Internet.Output.PathMtu(TestNetwork.Parse("fd00::2")));
    }

    /// <summary>Chains of extension headers: bytes behind the IPv6 header, and what comes of them.</summary>
    [Theory]
    [InlineData("hop-by-hop with padding", 0, "c8 00 01 04 00000000 aa", "delivered")]
    [InlineData("destination options", 60, "c8 00 01 04 00000000 aa", "delivered")]
    [InlineData("both", 0, "3c 00 01 04 00000000 c8 00 01 04 00000000 aa", "delivered")]
    [InlineData("a routing header that is done", 43, "c8 00 00 00 00000000 aa", "delivered")]
    [InlineData("a routing header that is not", 43, "c8 00 00 01 00000000 aa", "problem 0 at 42")]
    [InlineData("an unknown option to skip", 60, "c8 00 1e 04 00000000 aa", "delivered")]
    [InlineData("an unknown option to drop for", 60, "c8 00 5e 04 00000000 aa", "nothing")]
    [InlineData("an unknown option to answer", 60, "c8 00 9e 04 00000000 aa", "problem 2 at 42")]
    [InlineData("hop-by-hop in second place", 60, "00 00 01 04 00000000 c8 00 01 04 00000000 aa", "problem 1 at 40")]
    [InlineData("a header longer than the packet", 60, "c8 05 01 04 00000000 aa", "nothing")]
    [InlineData("an option longer than its header", 60, "c8 00 01 40 00000000 aa", "nothing")]
    [InlineData("no next header", 59, "aa", "nothing")]
    [InlineData("a cut fragment header", 44, "c8 00 00", "nothing")]
    public void Extension_headers_are_walked(string what, byte nextHeader, string bytes, string expected)
    {
        TestHost host = _network.AddHost("fd00::1/64");
        _network.AddHost("fd00::9/64");
        TestTransport transport = TestTransport.AddTo(host);
        _network.Wire.Sent.Clear();

        host.TakeIPv6("fd00::9", "fd00::1", nextHeader, Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal)));
        _network.Settle();

        byte[]? problem = _network.Wire.Sent.Find(frame => frame[12] == 0x86 && frame[54] == IcmpV6Type.ParameterProblem);
        string outcome = transport.Received.Count == 1 ? "delivered"
            : problem is null ? "nothing"
            : $"problem {problem[55]} at {BinaryPrimitives.ReadUInt32BigEndian(problem.AsSpan(58))}";
        Assert.True(expected == outcome, $"{what}: expected {expected}, got {outcome}");
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    private TestHost Routed()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        host.Stack.TryAddRoute(new Route(new(InternetAddress.AnyIPv4, 0), TestNetwork.Parse("10.0.0.254"), host.Interface, 0));
        return host;
    }

    private void Error(TestHost host, byte type, byte code, ushort mtu, byte[] quote)
    {
        host.TakeIPv4("10.0.0.254", "10.0.0.1", ProtocolNumber.Icmp, TestHost.Icmp(type, code, mtu, quote));
        _network.Settle();
    }

    private static byte[] Quote(string source, string destination)
    {
        byte[] quote = new byte[IPv4Header.Size + 8];
        new IPv4Header
        {
            TotalLength = 1_500,
            IsDontFragment = true,
            HopLimit = 1,
            Protocol = ProtocolNumber.Tcp,
            Source = TestNetwork.Parse(source),
            Destination = TestNetwork.Parse(destination),
        }.Write(quote);
        BinaryPrimitives.WriteUInt16BigEndian(quote.AsSpan(20), 1000);
        BinaryPrimitives.WriteUInt16BigEndian(quote.AsSpan(22), 80);
        BinaryPrimitives.WriteUInt32BigEndian(quote.AsSpan(24), 0xAABBCCDD);
        return quote;
    }
}
