using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Udp;

/// <summary>Endpoints of UDP between two stacks, and against packets written by hand.</summary>
public sealed class UdpTests
{
    private const string OurAddresses = "10.0.0.1/24 fd00::1/64";
    private const string TheirAddresses = "10.0.0.2/24 fd00::2/64";

    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2", 5, LinkOffloads.None)]
    [InlineData("10.0.0.1", "10.0.0.2", 5, LinkOffloads.ChecksumIPv4)]
    [InlineData("10.0.0.1", "10.0.0.2", 65_507, LinkOffloads.None)]
    [InlineData("10.0.0.1", "10.0.0.2", 0, LinkOffloads.None)]
    [InlineData("fd00::1", "fd00::2", 5, LinkOffloads.None)]
    [InlineData("fd00::1", "fd00::2", 5, LinkOffloads.ChecksumIPv6)]
    [InlineData("fd00::1", "fd00::2", 65_000, LinkOffloads.None)]
    public void A_datagram_arrives_and_its_answer_comes_back(string ours, string theirs, int length, LinkOffloads offloads)
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        host.Link.Offloads = offloads;
        bool isIPv6 = ours.Contains(':');
        (UdpEndpoint client, TestUdpUser clientUser) = Create(host, isIPv6);
        (UdpEndpoint server, TestUdpUser serverUser) = Create(peer, isIPv6);
        Assert.Equal(NetworkError.None, server.Bind(new(isIPv6 ? InternetAddress.AnyIPv6 : InternetAddress.AnyIPv4, 53)));
        Assert.Equal(NetworkError.None, client.Send([1], At(theirs, 53)));
        _network.Settle();
        byte[] data = new byte[length];
        new Random(length).NextBytes(data);

        Assert.Equal(NetworkError.None, client.Send(data, At(theirs, 53)));
        _network.Settle();
        (UdpOrigin origin, byte[] received) = serverUser.Received[1];
        Assert.Equal(data, received);
        Assert.Equal((At(ours, client.Local.Port), At(theirs, 53)), (origin.Remote, origin.Local));

        Assert.Equal(NetworkError.None, server.Send(received, origin.Remote));
        _network.Settle();
        Assert.Equal(data, Assert.Single(clientUser.Received).Data);
        Assert.Equal((0, 0), (host.Stack.Pool.Rented, peer.Stack.Pool.Rented));
    }

    [Theory]
    [InlineData("10.0.0.2")]
    [InlineData("fd00::2")]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Whoever_is_connected_to_a_port_where_nobody_listens_is_told(string address)
    {
        TestHost host = _network.AddHost(OurAddresses);
        _network.AddHost(TheirAddresses);
        (UdpEndpoint connected, TestUdpUser user) = Create(host, address.Contains(':'));
        (UdpEndpoint other, TestUdpUser otherUser) = Create(host, address.Contains(':'));

        Assert.Equal(NetworkError.None, connected.Connect(At(address, 9)));
        connected.Send([1]);
        other.Send([1], At(address, 9));
        _network.Settle();

        Assert.Equal([NetworkError.Refused], user.Errors);
        Assert.Empty(otherUser.Errors);
    }

    /// <summary>On Linux, plain sends to an address that no neighbour has succeed for ever (icmp_err_convert: not fatal).</summary>
    [Theory]
    [InlineData("10.0.0.77", true, false, NetworkError.None)]
    [InlineData("10.0.0.77", false, false, NetworkError.None)]
    [InlineData("fd00::77", true, false, NetworkError.None)]
    [InlineData("10.0.0.77", true, true, NetworkError.HostUnreachable)]
    [InlineData("10.0.0.77", false, true, NetworkError.HostUnreachable)]
    [InlineData("fd00::77", false, true, NetworkError.HostUnreachable)]
    public void Only_who_asks_for_errors_hears_that_there_is_no_such_neighbour(
        string address, bool isConnected, bool asks, NetworkError error)
    {
        TestHost host = _network.AddHost(OurAddresses);
        (UdpEndpoint endpoint, TestUdpUser user) = Create(host, address.Contains(':'));
        (endpoint.Options.ReceivesErrors4, endpoint.Options.ReceivesErrors6) = (asks, asks);
        Endpoint remote = At(address, 9);
        Assert.Equal(NetworkError.None, isConnected ? endpoint.Connect(remote) : endpoint.Send([1], remote));
        Assert.Equal(NetworkError.None, endpoint.Send([2], remote));

        _network.Advance(TimeSpan.FromSeconds(3.5));

        int waiting = isConnected ? 1 : 2;
        Assert.Equal(Enumerable.Repeat(NetworkError.HostUnreachable, asks ? waiting : 0), user.Errors);
        Assert.Equal(error, endpoint.Send([3], remote));
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void A_connected_endpoint_hears_its_peer_alone_and_any_again_when_it_is_disconnected()
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        (UdpEndpoint endpoint, TestUdpUser user) = Create(host, false);
        endpoint.Bind(At("0.0.0.0", 1000));
        (UdpEndpoint first, _) = Create(peer, false);
        (UdpEndpoint second, _) = Create(peer, false);
        first.Bind(At("0.0.0.0", 1));
        endpoint.Connect(At("10.0.0.2", 1));
        Assert.Equal("10.0.0.1:1000", endpoint.Local.ToString());

        first.Send([1], At("10.0.0.1", 1000));
        second.Send([2], At("10.0.0.1", 1000));
        _network.Settle();
        Assert.Equal([1], Assert.Single(user.Received).Data);

        endpoint.Disconnect();
        Assert.Equal("0.0.0.0:1000", endpoint.Local.ToString());
        second.Send([2], At("10.0.0.1", 1000));
        _network.Settle();
        Assert.Equal(2, user.Received.Count);
    }

    /// <summary>Two endpoints that want one port: what each binds, with options, and whether the second may.</summary>
    [Theory]
    [InlineData("0.0.0.0", "", "0.0.0.0", "", false)]
    [InlineData("0.0.0.0", "", "10.0.0.1", "", false)]
    [InlineData("10.0.0.1", "", "0.0.0.0", "", false)]
    [InlineData("127.0.0.1", "", "10.0.0.1", "", true)]
    [InlineData("0.0.0.0", "reuse", "0.0.0.0", "", false)]
    [InlineData("0.0.0.0", "reuse", "0.0.0.0", "reuse", true)]
    [InlineData("0.0.0.0", "port", "0.0.0.0", "port", true)]
    [InlineData("0.0.0.0", "port", "0.0.0.0", "reuse", false)]
    [InlineData("0.0.0.0", "", "::", "", false)]
    [InlineData("::", "", "0.0.0.0", "", false)]
    [InlineData("::", "v6only", "0.0.0.0", "", true)]
    [InlineData("0.0.0.0", "", "::", "v6only", true)]
    [InlineData("0.0.0.0", "", "::1", "", true)]
    [InlineData("::", "", "fd00::1", "", false)]
    public void A_port_is_shared_by_the_rules_of_Linux(
        string first, string firstOptions, string second, string secondOptions, bool isShared)
    {
        TestHost host = _network.AddHost(OurAddresses);
        UdpEndpoint holder = WithOptions(host, first, firstOptions);
        UdpEndpoint other = WithOptions(host, second, secondOptions);

        Assert.Equal(NetworkError.None, holder.Bind(At(first, 53)));
        Assert.Equal(isShared ? NetworkError.None : NetworkError.AddressInUse, other.Bind(At(second, 53)));

        holder.Close();
        other.Close();
        Assert.Equal(NetworkError.None, WithOptions(host, second, secondOptions).Bind(At(second, 53)));
    }

    [Fact]
    public void An_endpoint_of_both_families_serves_both()
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        (UdpEndpoint server, TestUdpUser user) = Create(host, true);
        server.Bind(new(InternetAddress.AnyIPv6, 53));
        Create(peer, false).Endpoint.Send([4], At("10.0.0.1", 53));
        Create(peer, true).Endpoint.Send([6], At("fd00::1", 53));
        _network.Settle();
        Assert.Equal(new byte[] { 4, 6 }, user.Received.Select(each => each.Data[0]).Order());
        Assert.Equal(NetworkError.None, server.Send([1], user.Received[0].Origin.Remote));
        Assert.Equal(NetworkError.None, server.Send([1], user.Received[1].Origin.Remote));

        UdpEndpoint alone = Create(host, true).Endpoint;
        alone.Options.IsV6Only = true;
        Assert.Equal(NetworkError.NetworkUnreachable, alone.Send([1], At("10.0.0.2", 53)));
        Assert.Equal(NetworkError.FamilyNotSupported, Create(host, false).Endpoint.Send([1], At("fd00::2", 53)));
    }

    [Fact]
    public void The_endpoint_that_fits_best_gets_a_datagram()
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        (UdpEndpoint sender, _) = Create(peer, false);
        sender.Bind(At("0.0.0.0", 1));
        TestUdpUser[] users = new TestUdpUser[3];
        for (int i = 0; i < 3; i++)
        {
            (UdpEndpoint endpoint, users[i]) = Create(host, false);
            endpoint.Options.CanReuseAddress = true;
            Assert.Equal(NetworkError.None, endpoint.Bind(At(i == 0 ? "0.0.0.0" : "10.0.0.1", 53)));
            if (i == 1)
            {
                endpoint.Connect(At("10.0.0.2", 1));
            }
        }

        sender.Send([1], At("10.0.0.1", 53));
        Create(peer, false).Endpoint.Send([2], At("10.0.0.1", 53));
        _network.Settle();

        Assert.Equal([0, 1, 1], users.Select(user => user.Received.Count));
        Assert.Equal(1, users[1].Received[0].Data[0]);
    }

    [Fact]
    public void Endpoints_that_share_a_port_get_a_peers_datagrams_each_always_the_same()
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        TestUdpUser[] users = new TestUdpUser[4];
        for (int i = 0; i < users.Length; i++)
        {
            (UdpEndpoint endpoint, users[i]) = Create(host, false);
            endpoint.Options.CanReusePort = true;
            endpoint.Bind(At("0.0.0.0", 53));
        }

        for (int i = 0; i < 40; i++)
        {
            UdpEndpoint sender = Create(peer, false).Endpoint;
            sender.Send([1], At("10.0.0.1", 53));
            sender.Send([1], At("10.0.0.1", 53));
            _network.Settle();
        }

        Assert.All(users, user => Assert.InRange(user.Received.Count, 2, 78));
        Assert.All(users, user => Assert.All(user.Received.CountBy(each => each.Origin.Remote), each => Assert.Equal(2, each.Value)));
    }

    [Fact]
    public void A_broadcast_needs_permission_and_reaches_everybody_who_listens()
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        (UdpEndpoint server, TestUdpUser user) = Create(peer, false);
        server.Bind(At("0.0.0.0", 53));
        (UdpEndpoint own, TestUdpUser ownUser) = Create(host, false);
        own.Bind(At("0.0.0.0", 53));
        (UdpEndpoint sender, _) = Create(host, false);

        Assert.Equal(NetworkError.AccessDenied, sender.Send([1], At("10.0.0.255", 53)));
        sender.Options.CanBroadcast = true;
        Assert.Equal(NetworkError.None, sender.Send([1], At("10.0.0.255", 53)));

        // Without a default route it needs an interface, as on Linux.
        Assert.Equal(NetworkError.NetworkUnreachable, sender.Send([2], At("255.255.255.255", 53)));
        Assert.Equal(NetworkError.None, sender.Send([2], At("255.255.255.255", 53), host.Interface.Index));
        _network.Settle();

        Assert.Equal(new byte[] { 1, 2 }, user.Received.Select(each => each.Data[0]));
        Assert.Equal(new byte[] { 1, 2 }, ownUser.Received.Select(each => each.Data[0]));
    }

    [Theory]
    [InlineData("239.1.2.3", false)]
    [InlineData("ff05::1234", true)]
    public void Members_of_a_group_get_its_datagrams_and_routers_hear_of_joining_and_leaving(string text, bool isIPv6)
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        InternetAddress group = TestNetwork.Parse(text);
        (UdpEndpoint member, TestUdpUser user) = Create(peer, isIPv6);
        member.Bind(new(isIPv6 ? InternetAddress.AnyIPv6 : InternetAddress.AnyIPv4, 53));
        (UdpEndpoint sender, _) = Create(host, isIPv6);
        sender.Options.MulticastInterface = host.Interface.Index;

        sender.Send([1], new(group, 53));
        _network.Settle();
        Assert.Empty(user.Received);

        _network.Wire.Sent.Clear();
        Assert.Equal(NetworkError.None, member.Join(group, peer.Interface.Index));
        Assert.Equal(NetworkError.AddressInUse, member.Join(group, peer.Interface.Index));
        Assert.Contains(MacAddress.OfGroup(group), peer.Link.Groups);
        byte[] report = Assert.Single(_network.Wire.Sent);
        int message = isIPv6 ? 14 + 48 : 14 + 24;
        Assert.Equal(isIPv6 ? IcmpV6Type.MulticastListenerReport : GroupMessage.IgmpReport, report[message]);
        Assert.Equal(1, isIPv6 ? report[14 + 7] : report[14 + 8]);

        sender.Send([2], new(group, 53));
        _network.Settle();
        Assert.Equal([2], Assert.Single(user.Received).Data);
        Assert.Equal(1, user.Received[0].Origin.HopLimit);

        _network.Advance(TimeSpan.FromSeconds(11));
        _network.Wire.Sent.Clear();
        member.Close();
        Assert.Equal(
            isIPv6 ? IcmpV6Type.MulticastListenerDone : GroupMessage.IgmpLeave, Assert.Single(_network.Wire.Sent)[message]);
        Assert.DoesNotContain(MacAddress.OfGroup(group), peer.Link.Groups);
    }

    [Fact]
    public void A_routers_query_is_answered_within_its_time_unless_another_member_has()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        UdpEndpoint member = Create(host, false).Endpoint;
        InternetAddress group = TestNetwork.Parse("239.1.2.3");
        member.Join(group, host.Interface.Index);
        _network.Advance(TimeSpan.FromSeconds(11));
        _network.Wire.Sent.Clear();

        Igmp(host, GroupMessage.IgmpQuery, 100, "0.0.0.0", "224.0.0.1");
        _network.Advance(TimeSpan.FromSeconds(10));
        Assert.Single(_network.Wire.Sent);

        Igmp(host, GroupMessage.IgmpQuery, 100, "0.0.0.0", "224.0.0.1");
        _network.Settle();
        Igmp(host, GroupMessage.IgmpReport, 0, "239.1.2.3", "239.1.2.3");
        _network.Advance(TimeSpan.FromSeconds(10));
        Assert.Single(_network.Wire.Sent);
    }

    [Fact]
    public void A_datagram_without_room_is_lost_and_counted()
    {
        TestHost host = _network.AddHost(OurAddresses);
        (UdpEndpoint server, TestUdpUser user) = Create(host, false);
        server.Bind(At("10.0.0.1", 53));
        user.HasRoom = false;
        Create(host, false).Endpoint.Send([1], At("10.0.0.1", 53));
        _network.Settle();
        Assert.Equal((0, 1), (host.Stack.UdpStatistics.InDatagrams, host.Stack.UdpStatistics.RcvbufErrors));
    }

    [Fact]
    public void Who_finds_no_room_to_send_is_told_when_there_is()
    {
        TestHost host = _network.AddHost(OurAddresses);
        _network.AddHost(TheirAddresses);
        (UdpEndpoint sender, TestUdpUser user) = Create(host, false);
        sender.Send([1], At("10.0.0.2", 53));
        _network.Settle();
        host.Link.HasRoom = false;
        int count = 0;
        while (sender.Send([1], At("10.0.0.2", 53)) == NetworkError.None)
        {
            Assert.True(++count < 1_000, "a link without room takes datagrams for ever");
        }

        Assert.Equal(NetworkError.WouldBlock, sender.Send([1], At("10.0.0.2", 53)));
        PacketBuffer refused = host.Stack.Pool.Rent(1);
        Assert.Equal(NetworkError.WouldBlock, sender.Send(refused, At("10.0.0.2", 53)));
        Assert.Equal((0, 0L), (user.WritableCalls, host.Interface.Statistics.TxDropped));
        host.Link.HasRoom = true;
        host.Stack.Run();
        Assert.Equal(1, user.WritableCalls);
        Assert.Equal(NetworkError.None, sender.Send(refused, At("10.0.0.2", 53)));
    }

    [Fact]
    public void A_datagram_in_fragments_is_sent_whole_when_the_link_has_no_room_for_all_of_it()
    {
        TestHost host = _network.AddHost(OurAddresses);
        TestHost peer = _network.AddHost(TheirAddresses);
        (UdpEndpoint sender, _) = Create(host, false);
        (UdpEndpoint receiver, TestUdpUser receiving) = Create(peer, false);
        receiver.Bind(At("10.0.0.2", 53));
        sender.Send([1], At("10.0.0.2", 53));
        _network.Settle();
        host.Link.HasRoom = false;
        byte[] data = [.. Enumerable.Range(0, 65_507).Select(i => (byte)(i * 7))];
        Assert.Equal(NetworkError.None, sender.Send(data, At("10.0.0.2", 53)));
        Assert.Equal(NetworkError.WouldBlock, sender.Send(data, At("10.0.0.2", 53)));
        host.Link.HasRoom = true;
        _network.Settle();
        Assert.Equal(data, receiving.Received[^1].Data);
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    /// <summary>A packet of UDP with its checksum, its length, and whether it is taken.</summary>
    [Theory]
    [InlineData("10.0.0.9", "10.0.0.1", 0, 12, true)]
    [InlineData("fd00::9", "fd00::1", 0, 12, false)]
    [InlineData("10.0.0.9", "10.0.0.1", 0xBEEF, 12, false)]
    [InlineData("10.0.0.9", "10.0.0.1", 0, 13, false)]
    [InlineData("10.0.0.9", "10.0.0.1", 0, 7, false)]
    [InlineData("10.0.0.9", "10.0.0.1", 0, 10, true)]
    public void A_damaged_packet_is_dropped(string source, string destination, ushort checksum, ushort length, bool isTaken)
    {
        TestHost host = _network.AddHost(OurAddresses);
        bool isIPv6 = source.Contains(':');
        (UdpEndpoint server, TestUdpUser user) = Create(host, isIPv6);
        server.Bind(At(destination, 53));
        byte[] packet = new byte[12];
        new UdpHeader(1000, 53, length, checksum).Write(packet);
        if (isIPv6)
        {
            host.TakeIPv6(source, destination, ProtocolNumber.Udp, packet);
        }
        else
        {
            host.TakeIPv4(source, destination, ProtocolNumber.Udp, packet);
        }

        _network.Settle();
        Assert.Equal(isTaken ? 1 : 0, user.Received.Count);
    }

    [Fact]
    public void Errors_of_use_are_those_of_Linux()
    {
        TestHost host = _network.AddHost(OurAddresses);
        UdpEndpoint endpoint = Create(host, false).Endpoint;
        Assert.Equal(NetworkError.AddressNotAvailable, endpoint.Bind(At("192.0.2.1", 53)));
        Assert.Equal(NetworkError.FamilyNotSupported, endpoint.Bind(At("fd00::1", 53)));
        Assert.Equal(NetworkError.DestinationRequired, endpoint.Send([1]));
        Assert.Equal(NetworkError.InvalidArgument, endpoint.Send([1], At("10.0.0.2", 0)));
        Assert.Equal(NetworkError.MessageTooLong, endpoint.Send(new byte[65_508], At("10.0.0.2", 53)));
        Assert.Equal(NetworkError.NetworkUnreachable, endpoint.Send([1], At("192.0.2.1", 53)));
        Assert.Equal(NetworkError.NetworkUnreachable, endpoint.Connect(At("192.0.2.1", 53)));
        endpoint.Options.IsDontFragment = true;
        Assert.Equal(NetworkError.MessageTooLong, endpoint.Send(new byte[1_473], At("10.0.0.2", 53)));
        Assert.Equal(NetworkError.InvalidArgument, endpoint.Bind(At("10.0.0.1", 53)));
        Assert.Equal(NetworkError.InvalidArgument, endpoint.Join(TestNetwork.Parse("10.0.0.9")));
        Assert.Equal(NetworkError.NoDevice, endpoint.Join(TestNetwork.Parse("239.0.0.1"), 77));
        endpoint.Close();
        Assert.Equal(NetworkError.InvalidArgument, endpoint.Send([1], At("10.0.0.2", 53)));
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void Ports_that_nobody_names_are_spread_over_the_range()
    {
        TestHost host = _network.AddHost(OurAddresses);
        int[] ports = [.. Enumerable.Range(0, 200).Select(_ =>
        {
            UdpEndpoint endpoint = Create(host, false).Endpoint;
            endpoint.Bind(At("0.0.0.0", 0));
            return (int)endpoint.Local.Port;
        })];
        Assert.Equal(200, ports.Distinct().Count());
        Assert.All(ports, port => Assert.InRange(port, 32_768, 60_999));
        Assert.True(ports.Max() - ports.Min() > 20_000, $"ports lie between {ports.Min()} and {ports.Max()}");
    }

    private static (UdpEndpoint Endpoint, TestUdpUser User) Create(TestHost host, bool isIPv6)
    {
        TestUdpUser user = new();
        return (host.Stack.CreateUdpEndpoint(user, isIPv6), user);
    }

    private static UdpEndpoint WithOptions(TestHost host, string address, string options)
    {
        UdpEndpoint endpoint = Create(host, address.Contains(':')).Endpoint;
        endpoint.Options.CanReuseAddress = options == "reuse";
        endpoint.Options.CanReusePort = options == "port";
        endpoint.Options.IsV6Only = options == "v6only";
        return endpoint;
    }

    private static Endpoint At(string address, ushort port) => new(TestNetwork.Parse(address), port);

    private static void Igmp(TestHost host, byte type, byte delay, string group, string destination)
    {
        byte[] message = new byte[GroupMessage.IgmpSize];
        new GroupMessage(type, 0, TestNetwork.Parse(group)).WriteIgmp(message);
        message[1] = delay;
        message[2] = message[3] = 0;
        IcmpHeader.WriteChecksum(message, 0);
        host.TakeIPv4(
            "10.0.0.9",
            destination,
            ProtocolNumber.Igmp,
            message,
            frameDestination: MacAddress.OfGroup(TestNetwork.Parse(destination)));
    }
}
