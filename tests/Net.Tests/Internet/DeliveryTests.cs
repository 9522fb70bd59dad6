using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Internet;

/// <summary>Packets between two stacks, and what no packet may do.</summary>
public sealed class DeliveryTests
{
    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData("10.0.0.1/24", "10.0.0.2/24", "10.0.0.2")]
    [InlineData("fd00::1/64", "fd00::2/64", "fd00::2")]
    public void A_packet_arrives_once_its_neighbour_has_been_asked_for(string ours, string theirs, string destination)
    {
        TestTransport sender = TestTransport.AddTo(_network.AddHost(ours));
        TestTransport receiver = TestTransport.AddTo(_network.AddHost(theirs));

        Assert.Equal(InternetSendResult.Sent, sender.Send(destination, 100));
        _network.Settle();

        (byte[] data, InternetHeader header) = Assert.Single(receiver.Received);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (byte)(i * 7)), data);
        Assert.Equal(ours.Split('/')[0], header.Source.ToString());
        Assert.Equal(64, header.HopLimit);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("127.9.9.9", "127.0.0.1")]
    [InlineData("::1", "::1")]
    public void Loopback_addresses_work_without_an_interface(string destination, string expectedSource)
    {
        IpStack stack = new(_network.Clock, new TestRandom(1));
        TestTransport transport = new(stack);
        stack.Internet.SetTransport(TestTransport.Protocol, transport);

        Assert.Equal(InternetSendResult.Sent, transport.Send(destination, 60_000));
        Assert.Empty(transport.Received);
        stack.Run();

        InternetHeader header = Assert.Single(transport.Received).Header;
        Assert.Equal(expectedSource, header.Source.ToString());
        Assert.Equal(0, stack.Pool.Rented);
    }

    [Fact]
    public void A_packet_to_an_address_of_ours_does_not_leave_the_machine()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport transport = TestTransport.AddTo(host);
        int before = _network.Wire.Sent.Count;

        transport.Send("10.0.0.1", 10);
        _network.Settle();

        Assert.Single(transport.Received);
        Assert.Equal(before, _network.Wire.Sent.Count);
    }

    [Fact]
    public void A_destination_behind_a_router_goes_to_the_router_and_the_longest_prefix_decides()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost router = _network.AddHost("10.0.0.254/24");
        TestHost other = _network.AddHost("10.0.0.253/24");
        host.Stack.TryAddRoute(new Route(new(InternetAddress.AnyIPv4, 0), TestNetwork.Parse("10.0.0.254"), host.Interface, 0));
        host.Stack.TryAddRoute(
            new Route(new(TestNetwork.Parse("192.0.2.0"), 24), TestNetwork.Parse("10.0.0.253"), host.Interface, 0));
        TestTransport transport = TestTransport.AddTo(host);

        transport.Send("198.51.100.7", 10);
        transport.Send("192.0.2.7", 11);
        _network.Settle();

        byte[][] packets = [.. _network.Wire.Sent.Where(frame => frame[12] == 8 && frame[13] == 0)];
        Assert.Equal(router.Link.Address, new MacAddress(packets.Single(frame => frame.Length == 14 + 20 + 10).AsSpan(0, 6)));
        Assert.Equal(other.Link.Address, new MacAddress(packets.Single(frame => frame.Length == 14 + 20 + 11).AsSpan(0, 6)));
    }

    [Fact]
    public void Without_a_route_a_packet_is_refused()
    {
        TestTransport transport = TestTransport.AddTo(_network.AddHost("10.0.0.1/24"));
        Assert.Equal(InternetSendResult.NoRoute, transport.Send("192.0.2.1", 10));
        Assert.Equal(InternetSendResult.NoRoute, transport.Send("2001:db8::1", 10));
    }

    /// <summary>Sources that nobody may have, and destinations that are not ours.</summary>
    [Theory]
    [InlineData("224.0.0.5", "10.0.0.1", false)]
    [InlineData("255.255.255.255", "10.0.0.1", false)]
    [InlineData("10.0.0.255", "10.0.0.1", false)]
    [InlineData("127.0.0.1", "10.0.0.1", false)]
    [InlineData("0.0.0.0", "10.0.0.1", false)]
    [InlineData("10.0.0.1", "10.0.0.1", false)]
    [InlineData("250.0.0.1", "10.0.0.1", false)]
    [InlineData("10.0.0.9", "127.0.0.1", false)]
    [InlineData("10.0.0.9", "10.0.0.2", false)]
    [InlineData("10.0.0.9", "224.1.1.1", true)]
    [InlineData("10.0.0.9", "10.0.0.1", true)]
    public void A_forged_or_foreign_packet_is_dropped_and_counted(string source, string destination, bool isBroadcastFrame)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport transport = TestTransport.AddTo(host);

        host.TakeIPv4(
            source,
            destination,
            TestTransport.Protocol,
            new byte[20],
            frameDestination: isBroadcastFrame ? MacAddress.Broadcast : null);
        _network.Settle();

        Assert.Empty(transport.Received);
        Assert.Equal(1, host.Stack.IPv4Statistics.InAddrErrors);
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void What_the_same_test_writes_without_a_fault_is_delivered()
    {
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        TestTransport transport = TestTransport.AddTo(host);

        host.TakeIPv4("10.0.0.9", "10.0.0.1", TestTransport.Protocol, new byte[20]);
        host.TakeIPv4("10.0.0.9", "10.0.0.255", TestTransport.Protocol, new byte[20], frameDestination: MacAddress.Broadcast);
        host.TakeIPv6("fd00::9", "fd00::1", TestTransport.Protocol, new byte[20]);
        host.TakeIPv6("fd00::9", "ff02::1", TestTransport.Protocol, new byte[20]);
        _network.Settle();

        Assert.Equal(4, transport.Received.Count);
    }

    [Fact]
    public void A_link_without_room_gets_waiting_frames_later_and_whoever_was_refused_is_told()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost peer = _network.AddHost("10.0.0.2/24");
        TestTransport transport = TestTransport.AddTo(host);
        TestTransport receiver = TestTransport.AddTo(peer);
        transport.Send("10.0.0.2", 10);
        _network.Settle();

        host.Link.HasRoom = false;
        int accepted = 0;
        while (transport.Send("10.0.0.2", 10) == InternetSendResult.Sent)
        {
            accepted++;
            Assert.True(accepted < 1_000, "frames that wait for the link have no limit");
        }

        host.Link.HasRoom = true;
        _network.Settle();
        host.Stack.Run();

        Assert.Equal(1, transport.RoomCalls);
        Assert.Equal(accepted + 1, receiver.Received.Count);
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void An_interface_that_goes_takes_its_addresses_and_routes_and_all_that_waits()
    {
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        TestTransport transport = TestTransport.AddTo(host);
        transport.Send("10.0.0.77", 10);

        host.Stack.RemoveInterface(host.Interface);
        _network.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(3, transport.RemovedAddresses.Count);
        Assert.Empty(host.Stack.Routes);
        Assert.Equal(InternetSendResult.NoRoute, transport.Send("10.0.0.2", 10));
        Assert.Equal(0, host.Stack.Pool.Rented);
        Assert.Equal(long.MaxValue, host.Stack.NextDue);
    }

    [Theory]
    [InlineData(LinkOffloads.None, false)]
    [InlineData(LinkOffloads.ChecksumIPv4, true)]
    public void A_checksum_is_left_to_a_device_that_completes_it(LinkOffloads offloads, bool isLeft)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        _network.AddHost("10.0.0.2/24");
        host.Link.Offloads = offloads;
        TestTransport transport = TestTransport.AddTo(host);

        transport.Send("10.0.0.2", 40, protocol: ProtocolNumber.Tcp);
        _network.Settle();

        Assert.Equal(isLeft, host.Link.SentOffloads[^1].IsChecksumPartial);
    }

    [Fact]
    public void A_super_segment_needs_a_device_that_cuts_it_whose_segments_fit_the_path()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        _network.AddHost("10.0.0.2/24");
        TestTransport transport = TestTransport.AddTo(host);
        PacketOffload offload = new(true, false, 1448);

        Assert.Equal(InternetSendResult.TooLarge, transport.Send("10.0.0.2", 30_000, protocol: ProtocolNumber.Tcp, offload: offload));
        host.Link.Offloads = LinkOffloads.ChecksumIPv4 | LinkOffloads.SegmentationIPv4;
        Assert.True(host.Stack.Internet.Output.CanSegment(TestNetwork.Parse("10.0.0.2")));
        Assert.Equal(InternetSendResult.Sent, transport.Send("10.0.0.2", 30_000, protocol: ProtocolNumber.Tcp, offload: offload));
        host.Link.Mtu = 1400;
        Assert.Equal(InternetSendResult.TooLarge, transport.Send("10.0.0.2", 30_000, protocol: ProtocolNumber.Tcp, offload: offload));
    }
}
