using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Internet;

/// <summary>Neighbours of both families: found, lost, and forged.</summary>
public sealed class NeighbourTests
{
    private readonly TestNetwork _network = new();

    public static TheoryData<string, string, string> Families => new()
    {
        { "10.0.0.1/24", "10.0.0.2/24", "10.0.0.2" },
        { "fd00::1/64", "fd00::2/64", "fd00::2" },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void A_neighbour_is_confirmed_by_its_answer_doubted_after_a_while_and_asked_again_when_used(
        string ours, string theirs, string address)
    {
        TestHost host = _network.AddHost(ours);
        _network.AddHost(theirs);
        TestTransport transport = TestTransport.AddTo(host);
        NeighbourState? State() => host.Interface.Neighbours.Find(TestNetwork.Parse(address))?.State;

        transport.Send(address, 10);
        Assert.Equal(NeighbourState.Incomplete, State());
        _network.Settle();
        Assert.Equal(NeighbourState.Reachable, State());
        _network.Advance(TimeSpan.FromSeconds(46));
        Assert.Equal(NeighbourState.Stale, State());
        transport.Send(address, 10);
        Assert.Equal(NeighbourState.Delay, State());
        _network.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(NeighbourState.Reachable, State());
        _network.Advance(TimeSpan.FromMinutes(12));
        Assert.Null(State());
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Data_that_gets_through_confirms_a_neighbour_without_asking_it(string ours, string theirs, string address)
    {
        TestHost host = _network.AddHost(ours);
        _network.AddHost(theirs);
        TestTransport transport = TestTransport.AddTo(host);
        transport.Send(address, 10);
        _network.Advance(TimeSpan.FromSeconds(46));
        transport.Send(address, 10);

        host.Stack.Internet.Output.ConfirmReachable(TestNetwork.Parse(address));

        Assert.Equal(NeighbourState.Reachable, host.Interface.Neighbours.Find(TestNetwork.Parse(address))!.State);
    }

    [Theory]
    [InlineData("10.0.0.1/24", "10.0.0.77")]
    [InlineData("fd00::1/64", "fd00::77")]
    public void A_neighbour_that_does_not_answer_fails_the_packets_that_wait_for_it_and_those_of_the_next_second(
        string ours, string address)
    {
        TestHost host = _network.AddHost(ours);
        TestTransport transport = TestTransport.AddTo(host);

        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(InternetSendResult.Sent, transport.Send(address, 10));
        }

        Assert.Equal(5, host.Stack.Pool.Rented);
        _network.Advance(TimeSpan.FromSeconds(3.5));

        Assert.Equal(5, transport.Errors.Count);
        Assert.All(transport.Errors, error => Assert.Equal(IcmpErrorKind.NeighbourUnreachable, error.Kind));
        Assert.Equal(TestNetwork.Parse(address), transport.Errors[0].Flow.Remote.Address);
        Assert.Equal(InternetSendResult.NoNeighbour, transport.Send(address, 10));
        Assert.Equal(0, host.Stack.Pool.Rented);
        _network.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(InternetSendResult.Sent, transport.Send(address, 10));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void The_largest_datagram_is_whole_though_it_is_the_first_to_its_neighbour_and_the_link_has_little_room(
        string ours, string theirs, string address)
    {
        TestHost host = _network.AddHost(ours);
        TestTransport received = TestTransport.AddTo(_network.AddHost(theirs));
        TestTransport transport = TestTransport.AddTo(host);
        _network.Wire.Passes = frame =>
        {
            // The answer comes when the link has no room.
            host.Link.HasRoom &= !frame.AsSpan(0, 6).SequenceEqual((ReadOnlySpan<byte>)[2, 0, 0, 0, 0, 1]);
            return true;
        };
        Assert.Equal(InternetSendResult.Sent, transport.Send(address, 65_000, canFragment: true));
        _network.Settle();
        Assert.False(host.Link.HasRoom);
        _network.Wire.Passes = _ => true;
        host.Link.HasRoom = true;
        _network.Settle();
        Assert.Equal(65_000, Assert.Single(received.Received).Data.Length);
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void What_waits_for_neighbours_is_bounded_for_each_and_in_whole_and_a_few_packets_are_lost_last()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport received = TestTransport.AddTo(_network.AddHost("10.0.0.2/24"));
        TestTransport transport = TestTransport.AddTo(host);
        _network.Wire.Passes = _ => false;
        transport.Send("10.0.0.2", 100);
        for (int i = 0; i < 1_000; i++)
        {
            transport.Send("10.0.0.100", 100);
        }

        Assert.Equal(1 + (NeighbourCache.WaitingLimit / 2_048), host.Stack.Pool.Rented);
        for (int i = 0; i < 20_000; i++)
        {
            transport.Send($"10.0.0.{100 + (i % 20)}", 100);
        }

        transport.Send("10.0.0.3", 100);
        Assert.Equal(NeighbourCache.TotalWaitingLimit / 2_048, host.Stack.Pool.Rented);
        _network.Wire.Passes = _ => true;
        _network.Advance(TimeSpan.FromSeconds(10));
        Assert.Single(received.Received);
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void A_neighbour_that_went_away_is_noticed()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        _network.AddHost("10.0.0.2/24");
        TestTransport transport = TestTransport.AddTo(host);
        transport.Send("10.0.0.2", 10);
        _network.Advance(TimeSpan.FromSeconds(46));

        _network.Wire.Passes = _ => false;
        transport.Send("10.0.0.2", 10);
        _network.Advance(TimeSpan.FromSeconds(8.5));

        Assert.Equal(InternetSendResult.NoNeighbour, transport.Send("10.0.0.2", 10));
    }

    [Fact]
    public void Strangers_that_ask_fill_half_of_the_memory_for_neighbours_and_no_more()
    {
        TestHost host = _network.AddHost("10.0.0.1/16");
        for (int i = 0; i < 2_000; i++)
        {
            ArpRequest(host, $"10.0.{4 + (i / 250)}.{1 + (i % 250)}", "10.0.0.1");
            _network.Settle();
        }

        Assert.Equal(NeighbourCache.UnsolicitedCapacity, host.Interface.KnownNeighbours.Count);
    }

    [Fact]
    public void Answers_to_hosts_that_are_not_there_cost_bounded_memory()
    {
        TestHost host = _network.AddHost("fd00::1/64");
        TestTransport transport = TestTransport.AddTo(host);
        for (int i = 0; i < 2_000; i++)
        {
            transport.Send($"fd00::1:{i:x}", 1_000);
        }

        Assert.Equal(NeighbourCache.IncompleteCapacity, host.Interface.KnownNeighbours.Count);
        Assert.Equal(NeighbourCache.IncompleteCapacity, host.Stack.Pool.Rented);
    }

    [Theory]
    [InlineData("192.0.2.9")]
    [InlineData("10.0.0.255")]
    [InlineData("224.0.0.1")]
    [InlineData("127.0.0.1")]
    public void An_address_that_is_no_neighbours_is_not_learned(string sender)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        ArpRequest(host, sender, "10.0.0.1");
        _network.Settle();
        Assert.Empty(host.Interface.KnownNeighbours);
    }

    [Fact]
    public void An_answer_that_nobody_has_asked_for_changes_nothing()
    {
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        byte[] packet = new byte[ArpPacket.Size];
        new ArpPacket(false, TestHost.Stranger, TestNetwork.Parse("10.0.0.9"), host.Link.Address, TestNetwork.Parse("10.0.0.1"))
            .Write(packet);
        host.Take(host.Frame(EtherType.Arp, TestHost.Stranger, packet));
        Advertise(host, "fd00::9", hopLimit: 255);
        _network.Settle();
        Assert.Empty(host.Interface.KnownNeighbours);
    }

    [Theory]
    [InlineData(255, true)]
    [InlineData(254, false)]
    public void Only_a_host_of_the_link_can_answer_for_a_neighbour(byte hopLimit, bool isBelieved)
    {
        TestHost host = _network.AddHost("fd00::1/64");
        TestTransport transport = TestTransport.AddTo(host);
        transport.Send("fd00::9", 10);

        Advertise(host, "fd00::9", hopLimit);
        _network.Settle();

        Assert.Equal(isBelieved, host.Interface.Neighbours.Find(TestNetwork.Parse("fd00::9"))!.State == NeighbourState.Reachable);
    }

    [Fact]
    public void Of_two_routers_the_one_that_answers_is_taken()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost second = _network.AddHost("10.0.0.253/24");
        foreach (string router in new[] { "10.0.0.254", "10.0.0.253" })
        {
            host.Stack.TryAddRoute(new Route(new(InternetAddress.AnyIPv4, 0), TestNetwork.Parse(router), host.Interface, 0));
        }

        TestTransport transport = TestTransport.AddTo(host);
        transport.Send("192.0.2.1", 10);
        _network.Advance(TimeSpan.FromSeconds(3.5));
        transport.Send("192.0.2.1", 10);
        _network.Settle();

        Assert.Equal(second.Link.Address, new MacAddress(_network.Wire.Sent[^1].AsSpan(0, 6)));
    }

    private static void ArpRequest(TestHost host, string sender, string target)
    {
        byte[] packet = new byte[ArpPacket.Size];
        new ArpPacket(true, TestHost.Stranger, TestNetwork.Parse(sender), default, TestNetwork.Parse(target)).Write(packet);
        host.Take(host.Frame(EtherType.Arp, TestHost.Stranger, packet, MacAddress.Broadcast));
    }

    private static void Advertise(TestHost host, string address, byte hopLimit)
    {
        byte[] message = new byte[NeighbourMessage.SizeWithAddress];
        new NeighbourMessage(
            NeighbourMessage.Solicited | NeighbourMessage.Override, TestNetwork.Parse(address), TestHost.Stranger)
            .Write(message, IcmpV6Type.NeighbourAdvertisement);
        host.TakeIPv6(
            address, "fd00::1", ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, address, "fd00::1"), hopLimit);
    }
}
