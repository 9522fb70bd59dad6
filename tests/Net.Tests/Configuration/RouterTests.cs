using System.Buffers.Binary;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Configuration;

/// <summary>What routers of IPv6 advertise, and what becomes of it.</summary>
public sealed class RouterTests
{
    private const string Router = "fe80::99";
    private const string OurIdentifier = "ff:fe00:1";

    private readonly TestNetwork _network = new();
    private readonly TestHost _host;

    public RouterTests()
    {
        _host = _network.AddHost();
        _host.Stack.StartRouterDiscovery(_host.Interface);
    }

    [Fact]
    public void Routers_are_asked_three_times_and_no_more()
    {
        _network.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(3, Solicitations());
    }

    [Fact]
    public void Once_a_router_has_answered_it_is_asked_no_more()
    {
        _network.Advance(TimeSpan.FromSeconds(1.5));
        Advertise(1_800);
        _network.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, Solicitations());
    }

    [Fact]
    public void An_advertisement_gives_an_address_routes_and_servers_of_names()
    {
        Advertise(1_800, Prefix("2001:db8::", 64, 0xC0, 3_600, 1_800), Servers(600, "2001:db8::53"), Mtu(1_400), LinkAddress());

        string address = $"2001:db8::{OurIdentifier}";
        Assert.Contains(_host.Interface.Addresses, each => each.Address.ToString() == address);
        string[] routes = [.. _host.Stack.Routes.Select(route => route.ToString())];
        Assert.Contains($"::/0 via {Router} dev eth0", routes);
        Assert.Contains("2001:db8::/64 dev eth0", routes);
        Assert.Equal(["2001:db8::53"], _host.Stack.Resolver.Servers.Select(server => server.ToString()));
        Assert.Equal(1_400, _host.Interface.MtuOf(isIPv4: false));
        Assert.Equal(1_500, _host.Interface.MtuOf(isIPv4: true));
        Assert.Equal(33, _host.Interface.RouterHopLimit);
        Assert.Equal(TestHost.Stranger, Assert.Single(_host.Interface.KnownNeighbours).HardwareAddress);
    }

    [Fact]
    public void What_was_told_ends_with_its_time()
    {
        Advertise(60, Prefix("2001:db8::", 64, 0xC0, 120, 60), Servers(60, "2001:db8::53"));
        InterfaceAddress address = _host.Interface.Addresses.Single(each => each.Origin == AddressOrigin.RouterAdvertisement);
        _network.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(AddressState.Preferred, address.State);
        Assert.Single(_host.Stack.Resolver.Servers);

        _network.Advance(TimeSpan.FromSeconds(32));
        Assert.Equal(AddressState.Deprecated, address.State);
        Assert.Empty(_host.Stack.Resolver.Servers);
        Assert.DoesNotContain(_host.Stack.Routes, route => route.Gateway is not null);

        _network.Advance(TimeSpan.FromSeconds(60));
        Assert.DoesNotContain(address, _host.Interface.Addresses);
        Assert.DoesNotContain(_host.Stack.Routes, route => route.Origin == AddressOrigin.RouterAdvertisement);
    }

    [Fact]
    public void A_router_that_takes_itself_back_is_none_any_more()
    {
        Advertise(1_800, Servers(600, "2001:db8::53"));
        Advertise(0, Servers(0, "2001:db8::53"));
        Assert.DoesNotContain(_host.Stack.Routes, route => route.Gateway is not null);
        Assert.Empty(_host.Stack.Resolver.Servers);
    }

    [Fact]
    public void A_forged_advertisement_does_not_take_an_address_away_at_once()
    {
        Advertise(1_800, Prefix("2001:db8::", 64, 0xC0, 86_400, 86_400));
        Advertise(1_800, Prefix("2001:db8::", 64, 0xC0, 1, 0));
        InterfaceAddress address = _host.Interface.Addresses.Single(each => each.Origin == AddressOrigin.RouterAdvertisement);

        _network.Advance(TimeSpan.FromMinutes(110));
        Assert.Equal(AddressState.Deprecated, address.State);
        _network.Advance(TimeSpan.FromMinutes(20));
        Assert.DoesNotContain(address, _host.Interface.Addresses);
    }

    [Theory]
    [InlineData("2001:db8::1", 255)]
    [InlineData("fe80::99", 254)]
    public void Only_a_router_of_the_link_is_heard(string source, byte hopLimit)
    {
        Advertise(source, hopLimit, 1_800, Prefix("2001:db8::", 64, 0xC0, 3_600, 1_800));
        Assert.DoesNotContain(_host.Stack.Routes, route => route.Origin == AddressOrigin.RouterAdvertisement);
        Assert.DoesNotContain(_host.Interface.Addresses, each => each.Origin == AddressOrigin.RouterAdvertisement);
    }

    [Fact]
    public void Prefixes_servers_and_routers_without_end_fill_bounded_tables()
    {
        for (int i = 0; i < 300; i++)
        {
            Advertise(
                $"fe80::{i + 1:x}",
                255,
                1_800,
                Prefix($"2001:db8:{i:x}::", 64, 0xC0, 3_600, 1_800),
                Servers(600, $"2001:db8::{i:x}"));
        }

        Assert.InRange(_host.Stack.Routes.Count, 1, 64);
        Assert.InRange(_host.Interface.Addresses.Count, 1, 16);
        Assert.InRange(_host.Stack.Resolver.Servers.Count(), 1, 16);
        Assert.Equal(8, _host.Stack.Routes.Count(route => route.Gateway is not null));
        Assert.NotNull(_host.Stack.AddInterface("eth1", new TestWire().AddLink(77)));
    }

    [Theory]
    [InlineData("fe80::", 64, 0xC0u)]
    [InlineData("ff05::", 64, 0xC0u)]
    [InlineData("2001:db8::", 48, 0x40u)]
    [InlineData("2001:db8::", 64, 0x00u)]
    public void A_prefix_that_is_not_for_addresses_makes_none(string prefix, int length, uint flags)
    {
        Advertise(1_800, Prefix(prefix, length, (byte)flags, 3_600, 1_800));
        Assert.DoesNotContain(_host.Interface.Addresses, each => each.Origin == AddressOrigin.RouterAdvertisement);
    }

    private int Solicitations() => _network.Wire.Sent.Count(
        frame => frame[12] == 0x86 && frame[20] == ProtocolNumber.IcmpV6 && frame[54] == IcmpV6Type.RouterSolicitation);

    private void Advertise(ushort lifetime, params byte[][] options) => Advertise(Router, 255, lifetime, options);

    private void Advertise(string source, byte hopLimit, ushort lifetime, params byte[][] options)
    {
        byte[] message = [IcmpV6Type.RouterAdvertisement, 0, 0, 0, 33, 0, 0, 0, .. new byte[8], .. options.SelectMany(each => each)];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), lifetime);
        _host.TakeIPv6(
            source, "ff02::1", ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, source, "ff02::1"), hopLimit);
        _network.Settle();
    }

    private static byte[] Prefix(string prefix, int length, byte flags, uint valid, uint preferred)
    {
        byte[] option = new byte[32];
        option[0] = NeighbourOptions.PrefixInformation;
        option[1] = 4;
        option[2] = (byte)length;
        option[3] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(4), valid);
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(8), preferred);
        TestNetwork.Parse(prefix).WriteIPv6(option.AsSpan(16));
        return option;
    }

    private static byte[] Servers(uint lifetime, string server)
    {
        byte[] option = new byte[24];
        option[0] = NeighbourOptions.RecursiveDnsServers;
        option[1] = 3;
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(4), lifetime);
        TestNetwork.Parse(server).WriteIPv6(option.AsSpan(8));
        return option;
    }

    private static byte[] Mtu(uint mtu)
    {
        byte[] option = [NeighbourOptions.Mtu, 1, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(4), mtu);
        return option;
    }

    private static byte[] LinkAddress()
    {
        byte[] option = [NeighbourOptions.SourceLinkAddress, 1, .. new byte[6]];
        TestHost.Stranger.CopyTo(option.AsSpan(2));
        return option;
    }
}
