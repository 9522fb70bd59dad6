using Xenlet.Net.Base;
using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Internet;

/// <summary>
/// What a host has found out for a destination counts until something changes that it was made of. Host 1 sends over the routers 2 and 3,
/// and to whom a packet went is seen by the frame's hardware address.
/// </summary>
public sealed class DestinationTests
{
    private const string Remote = "192.0.2.9";
    private const int Nobody = -1;
    private const int Ourselves = 1;

    private readonly TestNetwork _network = new();
    private readonly TestHost _host;
    private readonly TestTransport _transport;

    public DestinationTests()
    {
        _host = _network.AddHost("10.0.0.1/24");
        _network.AddHost("10.0.0.2/24");
        _network.AddHost("10.0.0.3/24");
        _transport = TestTransport.AddTo(_host);
        AddRoute("0.0.0.0/0", "10.0.0.2");
    }

    private IpStack Stack => _host.Stack;

    [Fact]
    public void A_route_that_comes_or_goes_counts_at_once()
    {
        Assert.Equal(2, HopOf(Remote));
        Route nearer = AddRoute("192.0.2.0/24", "10.0.0.3");
        Assert.Equal(3, HopOf(Remote));
        Stack.RemoveRoute(nearer);
        Assert.Equal(2, HopOf(Remote));
        Stack.RemoveRoute(Stack.Routes.Single(each => each.Prefix.Length == 0));
        Assert.Equal(Nobody, HopOf(Remote));
    }

    [Fact]
    public void A_route_that_runs_out_counts_no_more()
    {
        AddRoute("192.0.2.0/24", "10.0.0.3", _network.Clock.Now + (10 * StackTime.Second));
        Assert.Equal(3, HopOf(Remote));
        _network.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(2, HopOf(Remote));
    }

    [Fact]
    public void A_router_that_does_not_answer_gives_way_to_another_until_it_does()
    {
        AddRoute("192.0.2.0/24", "10.0.0.4");
        Assert.Equal(Nobody, HopOf(Remote));
        _network.Advance(TimeSpan.FromSeconds(3.5));
        Assert.Equal(NeighbourState.Failed, _host.Interface.Neighbours.Find(TestNetwork.Parse("10.0.0.4"))?.State);
        Assert.Equal(2, HopOf(Remote));
        _network.AddHost("10.0.0.4/24");
        _network.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(4, HopOf(Remote));
    }

    [Fact]
    public void An_address_that_we_get_or_lose_counts_at_once()
    {
        const string other = "10.0.0.3";
        Assert.Equal(3, HopOf(other));
        InterfaceAddress? ours = Stack.AddAddress(_host.Interface, TestNetwork.Parse(other), 24);
        Assert.Equal(Ourselves, HopOf(other));
        Stack.RemoveAddress(ours!);
        Assert.Equal(3, HopOf(other));
    }

    [Fact]
    public void Everybodys_address_of_a_prefix_is_one_as_long_as_we_are_in_it()
    {
        const string last = "10.0.1.255";
        Assert.Equal(2, HopOf(last));
        InterfaceAddress? inIt = Stack.AddAddress(_host.Interface, TestNetwork.Parse("10.0.1.1"), 24);
        Assert.Equal(0xFF, HopOf(last));
        Stack.RemoveAddress(inIt!);
        Assert.Equal(2, HopOf(last));
    }

    [Fact]
    public void A_neighbour_that_was_forgotten_is_asked_for_again()
    {
        Assert.Equal(2, HopOf(Remote));

        // Known by its answer, with the second packet.
        Assert.Equal(2, HopOf(Remote));
        _host.Interface.Neighbours.Clear();
        int before = _network.Wire.Sent.Count;
        Assert.Equal(2, HopOf(Remote));
        Assert.Contains(_network.Wire.Sent.Skip(before), frame => frame[12] == 8 && frame[13] == 6);
    }

    [Fact]
    public void An_interface_that_has_left_is_used_no_more()
    {
        Assert.Equal(2, HopOf(Remote));
        Stack.RemoveInterface(_host.Interface);
        Assert.Equal(Nobody, HopOf(Remote));
    }

    [Fact]
    public void Whoever_we_send_to_is_refused_as_a_sender_when_that_becomes_our_address()
    {
        Assert.Equal(3, HopOf("10.0.0.3"));
        _host.TakeIPv4("10.0.0.3", "10.0.0.1", TestTransport.Protocol, "data"u8);
        _network.Settle();
        Assert.Single(_transport.Received);
        Stack.AddAddress(_host.Interface, TestNetwork.Parse("10.0.0.3"), 24);
        _host.TakeIPv4("10.0.0.3", "10.0.0.1", TestTransport.Protocol, "data"u8);
        _network.Settle();
        Assert.Single(_transport.Received);
    }

    [Fact]
    public void More_destinations_than_there_are_places_have_their_own_hops()
    {
        const int nets = 13;
        for (int net = 0; net < nets; net++)
        {
            AddRoute($"192.0.{net}.0/24", net % 2 == 0 ? "10.0.0.2" : "10.0.0.3");
        }

        for (int i = 0; i < 300; i++)
        {
            int net = i % nets;
            Assert.Equal(2 + (net % 2), HopOf($"192.0.{net}.{1 + (i % 200)}"));
        }
    }

    private Route AddRoute(string prefix, string gateway, long validUntil = StackTime.Never)
    {
        string[] parts = prefix.Split('/');
        Route route = new(
            new NetworkPrefix(TestNetwork.Parse(parts[0]), int.Parse(parts[1], null)),
            TestNetwork.Parse(gateway),
            _host.Interface,
            AddressOrigin.Static)
        {
            ValidUntil = validUntil,
        };
        Assert.True(Stack.TryAddRoute(route));
        return route;
    }

    /// <summary>Sends a packet, and says by the last byte of the hardware address to whom it went.</summary>
    private int HopOf(string remote)
    {
        int sent = _network.Wire.Sent.Count;
        int received = _transport.Received.Count;
        _transport.Send(remote, 10);
        _network.Settle();
        if (_transport.Received.Count > received)
        {
            _transport.Received.Clear();
            return Ourselves;
        }

        byte[]? frame = _network.Wire.Sent.Skip(sent).LastOrDefault(
            each => each[12] == 8 && each[13] == 0 && each[23] == TestTransport.Protocol);
        return frame?[5] ?? Nobody;
    }
}
