using Xenlet.Net.Base;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Stack;

/// <summary>
/// Connections through the hosts that their user names (RFC 9293, section 3.9.2.1). The hosts 10.0.0.7, .8 and .9 forward what has a source
/// route; the client is 10.0.0.1, the server 10.0.0.2.
/// </summary>
public sealed class SourceRouteTests
{
    private const int Size = 30_000;

    private static readonly IpStackOptions s_accepting = TestNetwork.Unprobed with { AcceptsSourceRoutes = true };

    private readonly TestNetwork _network = new();
    private readonly List<(int From, string Hops)> _sent = [];

    /// <summary>Which hosts lose what they should forward.</summary>
    private readonly HashSet<int> _silent = [];

    public SourceRouteTests()
    {
        _network.Wire.Passes = Forward;
        _network.AddHost("10.0.0.7/24 10.0.0.8/24 10.0.0.9/24");
    }

    /// <summary>MUST-51 and MUST-53.</summary>
    [Theory]
    [InlineData(SourceRoute.Loose, LinkOffloads.None)]
    [InlineData(SourceRoute.Strict, LinkOffloads.None)]
    [InlineData(SourceRoute.Loose, LinkOffloads.ChecksumIPv4 | LinkOffloads.SegmentationIPv4)]
    public void A_connection_goes_the_way_that_its_user_says_and_its_peer_answers_on_the_way_back(byte type, LinkOffloads offloads)
    {
        TestHost client = _network.AddHost("10.0.0.1/24", s_accepting);
        TestHost server = _network.AddHost("10.0.0.2/24", s_accepting);
        client.Link.Offloads = server.Link.Offloads = offloads;
        StackListener listener = new(server.Stack, 80);
        SimulatedUser user = Connect(client, type, 7, 8);

        Exchange(user, listener.Users.Single());

        Assert.Equal((0, 0), (client.Link.Unfit, server.Link.Unfit));
        Assert.Equal((0, 0), (client.Stack.IPv4Statistics.FragFails, server.Stack.IPv4Statistics.FragFails));
        Assert.True(_sent.Count(each => each.From == 1) > 20, "the data was not sent as segments");
        Assert.All(_sent, each => Assert.Equal(each.From == 1 ? "7 8 2" : "8 7 1", each.Hops));
    }

    /// <summary>MUST-52.</summary>
    [Fact]
    public void A_way_that_the_user_says_comes_before_the_one_that_has_arrived()
    {
        TestHost client = _network.AddHost("10.0.0.1/24", s_accepting);
        StackListener listener = new(_network.AddHost("10.0.0.2/24", s_accepting).Stack, 80);
        SimulatedUser user = Connect(client, SourceRoute.Loose, 7);
        TcpConnection accepted = listener.Users.Single().Connection!;
        accepted.Apply(accepted.Settings with { Route = Route(SourceRoute.Loose, 9, 8) });
        _sent.Clear();

        Exchange(user, listener.Users.Single());

        Assert.All(_sent, each => Assert.Equal(each.From == 1 ? "7 2" : "9 8 1", each.Hops));
    }

    /// <summary>SHLD-24: of a later segment, and of a SYN that is sent again.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_later_way_takes_the_place_of_an_earlier_one(bool isOfSyn)
    {
        TestHost client = _network.AddHost("10.0.0.1/24", s_accepting);
        StackListener listener = new(_network.AddHost("10.0.0.2/24", s_accepting).Stack, 80);
        SimulatedUser user;
        if (isOfSyn)
        {
            // The SYN comes through; its answer is lost at the host by which both have come.
            user = StackUser.Connect(client, "10.0.0.2", 80, out _, new() { Route = Route(SourceRoute.Loose, 7) });
            _silent.Add(2);
            _network.Settle();
            Assert.Empty(listener.Users);
            _silent.Clear();
        }
        else
        {
            user = Connect(client, SourceRoute.Loose, 7);
        }

        user.Connection!.Apply(user.Connection.Settings with { Route = Route(SourceRoute.Loose, 8) });
        _sent.Clear();
        user.Write(1);
        _network.Advance(TimeSpan.FromSeconds(4));
        Exchange(user, listener.Users.Single());

        Assert.All(_sent.SkipWhile(each => each.From == 2), each => Assert.Equal(each.From == 1 ? "8 2" : "8 1", each.Hops));
    }

    [Fact]
    public void Without_the_setting_nothing_that_has_a_source_route_is_taken()
    {
        TestHost client = _network.AddHost("10.0.0.1/24", s_accepting);
        TestHost server = _network.AddHost("10.0.0.2/24");
        _ = new StackListener(server.Stack, 80);

        SimulatedUser user = StackUser.Connect(client, "10.0.0.2", 80, out _, new() { Route = Route(SourceRoute.Loose, 7) });
        _network.Advance(TimeSpan.FromSeconds(2));

        Assert.False(user.IsConnected);
        Assert.Equal((2, 0), (server.Stack.IPv4Statistics.InHdrErrors, server.Stack.Tcp.Counters.InSegs));
    }

    [Fact]
    public void Also_with_the_setting_nothing_is_forwarded()
    {
        TestHost host = _network.AddHost("10.0.0.1/24", s_accepting);
        int sent = _network.Wire.Sent.Count;

        byte[] packet = new byte[28];
        new IPv4Header
        {
            TotalLength = 28,
            HopLimit = 64,
            Protocol = ProtocolNumber.Udp,
            Source = TestNetwork.Parse("10.0.0.2"),
            Destination = TestNetwork.Parse("10.0.0.9"),
            Route = Route(SourceRoute.Loose, 1),
        }.Write(packet);
        host.Take(host.Frame(EtherType.IPv4, TestHost.Stranger, packet));
        _network.Settle();

        Assert.Equal((1, 0), (host.Stack.IPv4Statistics.InHdrErrors, host.Stack.IPv4Statistics.InDelivers));
        Assert.Equal(sent, _network.Wire.Sent.Count);
    }

    [Theory]
    [InlineData(SourceRoute.Loose, "10.0.0.1", false)]
    [InlineData(SourceRoute.Loose, "10.0.0.255", false)]
    [InlineData(SourceRoute.Loose, "255.255.255.255", false)]
    [InlineData(SourceRoute.Loose, "224.0.0.1", false)]
    [InlineData(SourceRoute.Loose, "127.0.0.1", false)]
    [InlineData(SourceRoute.Loose, "0.0.0.0", false)]
    [InlineData(SourceRoute.Loose, "192.0.2.1", false)]
    [InlineData(SourceRoute.Strict, "198.51.100.1", false)]
    [InlineData(SourceRoute.Loose, "198.51.100.1", true)]
    public void A_way_begins_at_another_host_and_a_strict_one_at_a_neighbour(byte type, string hop, bool canBegin)
    {
        TestHost client = _network.AddHost("10.0.0.1/24");
        NetworkPrefix far = new(TestNetwork.Parse("198.51.100.0"), 24);
        InternetAddress gateway = TestNetwork.Parse("10.0.0.7");
        Assert.True(client.Stack.TryAddRoute(new(far, gateway, client.Interface, AddressOrigin.Static)));
        byte[] option = [type, 7, 4, 0, 0, 0, 0, 0];
        TestNetwork.Parse(hop).Write(option.AsSpan(3, 4));
        Assert.True(SourceRoute.TryParse(option, out SourceRoute? route));

        SimulatedUser user = StackUser.Connect(client, "10.0.0.2", 80, out TcpError error, new() { Route = route });

        TcpError expected = canBegin ? TcpError.None : TcpError.NetworkUnreachable;
        Assert.Equal(expected, error != TcpError.None ? error : user.Error);
    }

    /// <summary>What setsockopt takes on Linux, as far as it is a source route.</summary>
    [Theory]
    [InlineData("", true)]
    [InlineData("01 01 00", true)]
    [InlineData("83 07 04 0A000007", true)]
    [InlineData("01 89 0B 04 0A000007 0A000008 00", true)]
    [InlineData("83 07 08 0A000007", false)]
    [InlineData("83 03 04", false)]
    [InlineData("83 06 04 0A0000", false)]
    [InlineData("83 0B 04 0A000007", false)]
    [InlineData("83 07 04 0A000007 89 07 04 0A000008", false)]
    [InlineData("07 07 04 00000000", false)]
    public void Only_a_route_that_a_packet_could_have_is_read(string hexadecimal, bool isRead) =>
        Assert.Equal(isRead, SourceRoute.TryParse(Convert.FromHexString(hexadecimal.Replace(" ", "", StringComparison.Ordinal)), out _));

    /// <summary>The source is 10.0.0.1.</summary>
    [Theory]
    [InlineData("83 07 08 0A000007", "7 1")]
    [InlineData("83 0B 0C 0A000007 0A000008", "8 7 1")]
    [InlineData("83 0B 0C 0A000001 0A000008", "8 1")]
    [InlineData("83 03 04", "")]
    [InlineData("83 07 08 0A000001", "")]
    [InlineData("83 07 04 0A000007", null)]
    [InlineData("83 06 08 0A0000", null)]
    public void A_way_back_has_the_recorded_hosts_the_last_one_first(string hexadecimal, string? expected)
    {
        byte[] option = Convert.FromHexString(hexadecimal.Replace(" ", "", StringComparison.Ordinal));
        InternetAddress source = TestNetwork.Parse("10.0.0.1");

        bool isTaken = SourceRoute.TryReverse(option, source, out SourceRoute? route);

        Assert.Equal(expected is not null, isTaken);
        Assert.Equal(expected ?? "", route is null ? "" : Hops(route, source));
    }

    private static SourceRoute Route(byte type, params int[] hops)
    {
        byte[] option = [type, (byte)(3 + (4 * hops.Length)), 4, .. hops.SelectMany(hop => (byte[])[10, 0, 0, (byte)hop])];
        Assert.True(SourceRoute.TryParse(option, out SourceRoute? route));
        return route!;
    }

    private static string Hops(SourceRoute route, InternetAddress destination)
    {
        byte[] packet = new byte[IPv4Header.Size + route.Size];
        new IPv4Header { TotalLength = packet.Length, Destination = destination, Route = route }.Write(packet);
        return Hops(packet);
    }

    /// <summary>The last numbers of the addresses that a packet goes to, one after the other.</summary>
    private static string Hops(ReadOnlySpan<byte> packet)
    {
        List<int> hops = [packet[19]];
        for (int at = IPv4Header.Size + packet[22] - 1; at < IPv4Header.Size + packet[21]; at += 4)
        {
            hops.Add(packet[at + 3]);
        }

        return string.Join(' ', hops);
    }

    private SimulatedUser Connect(TestHost client, byte type, params int[] hops)
    {
        SimulatedUser user = StackUser.Connect(client, "10.0.0.2", 80, out TcpError error, new() { Route = Route(type, hops) });
        Assert.Equal(TcpError.None, error);
        _network.Settle();
        Assert.True(user.IsConnected, $"there is no connection: {user.Error}");
        return user;
    }

    private void Exchange(SimulatedUser one, SimulatedUser other)
    {
        (long toOne, long toOther) = (one.Received + Size, other.Received + Size);
        Assert.Equal(Size, one.Write(Size));
        Assert.Equal(Size, other.Write(Size));
        _network.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal((toOne, toOther), (one.Received, other.Received));
    }

    /// <summary>Does what the hosts on the way do with a packet of TCP: each puts its own address into the place of the next one.</summary>
    private bool Forward(byte[] frame)
    {
        Span<byte> packet = frame.AsSpan(EthernetHeader.Size);
        if (frame[12] != 8 || frame[13] != 0 || packet[9] != ProtocolNumber.Tcp)
        {
            return true;
        }

        Assert.True((packet[0] & 15) > 5, "the packet has no options");
        Assert.True(frame.Length <= 1514, "the packet is longer than the link's");
        _sent.Add((packet[15], Hops(packet)));
        Span<byte> option = packet[IPv4Header.Size..];
        for (int at = option[2] - 1; at < option[1]; at += 4)
        {
            (packet[19], option[at + 3]) = (option[at + 3], packet[19]);
        }

        option[2] = (byte)(option[1] + 1);
        packet[10] = packet[11] = 0;
        int header = (packet[0] & 15) * 4;
        ushort sum = InternetChecksum.Of(InternetChecksum.Add(packet[..header]));
        (packet[10], packet[11]) = ((byte)(sum >> 8), (byte)sum);

        // The hosts were made in this order: that of the hops, the client, the server.
        frame[5] = (byte)(packet[19] + 1);
        return !_silent.Contains(packet[15]);
    }
}
