using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Internet;

/// <summary>Addresses: who has them, for how long, and which is chosen.</summary>
public sealed class AddressTests
{
    private static readonly IpStackOptions Probed = new();

    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData("10.0.0.1/24")]
    [InlineData("fd00::1/64")]
    public void An_address_that_nobody_has_is_used_after_it_was_asked_for(string address)
    {
        TestHost host = _network.AddHost(address, Probed);
        InterfaceAddress ours = host.Interface.Addresses[^1];

        Assert.Equal(AddressState.Tentative, ours.State);
        Assert.False(host.Stack.Internet.Addresses.IsOurs(ours.Address));
        _network.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(AddressState.Preferred, ours.State);
        Assert.True(host.Stack.Internet.Addresses.IsOurs(ours.Address));
    }

    [Theory]
    [InlineData("10.0.0.1/24")]
    [InlineData("fd00::1/64")]
    public void An_address_that_somebody_has_is_not_used(string address)
    {
        _network.AddHost(address);
        TestHost second = _network.AddHost(address, Probed);

        _network.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(AddressState.Duplicate, second.Interface.Addresses[^1].State);
    }

    [Theory]
    [InlineData("10.0.0.1/24")]
    [InlineData("fd00::1/64")]
    public void Of_two_that_want_an_address_at_once_neither_gets_it_or_one(string address)
    {
        TestHost[] hosts = [_network.AddHost(address, Probed), _network.AddHost(address, Probed)];
        _network.Advance(TimeSpan.FromSeconds(5));
        Assert.InRange(hosts.Count(host => host.Interface.Addresses[^1].IsUsable), 0, 1);
    }

    [Theory]
    [InlineData(900, AddressState.Duplicate)]
    [InlineData(1_100, AddressState.Preferred)]
    public void An_answer_that_comes_after_the_probes_ends_the_use_in_its_first_second(int milliseconds, AddressState expected)
    {
        TestHost host = _network.AddHost("10.0.0.1/24", Probed);
        InterfaceAddress ours = host.Interface.Addresses[^1];
        TestTransport transport = TestTransport.AddTo(host);
        _network.AdvanceUntil(() => ours.IsUsable, TimeSpan.FromMilliseconds(200));

        Assert.Equal(AddressState.Preferred, ours.State);
        _network.Advance(TimeSpan.FromMilliseconds(milliseconds));
        host.TakeClaim("10.0.0.1");
        _network.Settle();

        Assert.Equal(expected, ours.State);
        Assert.Equal(expected == AddressState.Preferred, host.Stack.Internet.Addresses.IsOurs(ours.Address));
        Assert.Equal(expected == AddressState.Preferred ? [] : [ours.Address], transport.RemovedAddresses);
    }

    [Fact]
    public void An_address_in_use_is_defended_and_kept_and_not_more_often_than_every_ten_seconds()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        _network.Advance(TimeSpan.FromSeconds(5));
        int before = _network.Wire.Sent.Count;
        for (int i = 0; i < 20; i++)
        {
            host.TakeClaim("10.0.0.1");
            _network.Settle();
        }

        Assert.Equal(before + 1, _network.Wire.Sent.Count);
        Assert.True(host.Interface.Addresses[^1].IsUsable);
    }

    [Fact]
    public void An_address_is_deprecated_and_then_gone_as_its_lifetimes_say()
    {
        TestHost host = _network.AddHost("fd00::1/64");
        _network.Advance(TimeSpan.FromSeconds(5));
        TestTransport transport = TestTransport.AddTo(host);
        InterfaceAddress address = host.Interface.Addresses[^1];
        long now = _network.Clock.Now;
        host.Stack.Internet.Addresses.SetLifetimes(address, now + 10_000_000_000, now + 20_000_000_000);

        _network.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(AddressState.Preferred, address.State);
        _network.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(AddressState.Deprecated, address.State);
        _network.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal([address.Address], transport.RemovedAddresses);
        Assert.DoesNotContain(address, host.Interface.Addresses);
    }

    [Theory]
    [InlineData("10.0.0.1/24 192.0.2.1/24", "192.0.2.9", "192.0.2.1")]
    [InlineData("10.0.0.1/24 192.0.2.1/24", "10.0.0.9", "10.0.0.1")]
    [InlineData("fd00::1/64 2001:db8::1/64", "2001:db8::9", "2001:db8::1")]
    [InlineData("fd00::1/64 2001:db8::1/64", "fd00::9", "fd00::1")]
    [InlineData("fd00::1/64", "fe80::9", "fe80::ff:fe00:1")]
    [InlineData("fd00::1/64", "fd00::1", "fd00::1")]
    [InlineData("2001:db8::1/64 fd00::1/64", "fd99::9", "fd00::1")]
    [InlineData("fd00::1/64 2001:db8::1/64", "2a00::9", "2001:db8::1")]
    [InlineData("2002:c000:201::1/64 2001:db8::1/64", "2002:c633:6401::9", "2002:c000:201::1")]
    [InlineData("2002:c000:201::1/64 2001:db8::1/64", "2a00::9", "2001:db8::1")]
    [InlineData("2001::1/64 2001:db8::1/64", "2001:db9::9", "2001:db8::1")]
    [InlineData("2001:db8::1/64 2001::1/64", "2001::9:1", "2001::1")]
    [InlineData("2001:db8::1/64 fec0::1/64", "fec0:0:0:9::9", "fec0::1")]
    [InlineData("fec0::1/64 2001:db8::1/64", "2a00::9", "2001:db8::1")]
    [InlineData("fd00::1/64", "ff02::9", "fe80::ff:fe00:1")]
    [InlineData("fd00::1/64 2001:db8::1/64", "ff0e::9", "2001:db8::1")]
    [InlineData("169.254.0.1/16 10.0.0.1/24", "192.0.2.9", "10.0.0.1")]
    [InlineData("10.0.0.1/24 169.254.0.1/16", "169.254.7.7", "169.254.0.1")]
    public void The_address_that_fits_the_destination_is_chosen(string addresses, string destination, string expected)
    {
        TestHost host = _network.AddHost(addresses);
        foreach (InternetAddress any in (InternetAddress[])[InternetAddress.AnyIPv4, InternetAddress.AnyIPv6])
        {
            Assert.True(host.Stack.TryAddRoute(new Route(new NetworkPrefix(any, 0), null, host.Interface, AddressOrigin.Static)));
        }

        Assert.True(host.Stack.Internet.Output.TrySelectSource(TestNetwork.Parse(destination), out InternetAddress source));
        Assert.Equal(expected, source.ToString());
    }

    [Fact]
    public void A_deprecated_address_is_chosen_when_there_is_no_other()
    {
        TestHost host = _network.AddHost("fd00::1/64 fd00::2/64");
        InterfaceAddress first = host.Interface.Addresses.Single(each => each.Address.ToString() == "fd00::1");
        InternetAddress Chosen() =>
            host.Stack.Internet.Output.TrySelectSource(TestNetwork.Parse("fd00::1:1"), out InternetAddress source) ? source : default;

        Assert.Equal("fd00::1", Chosen().ToString());
        first.State = AddressState.Deprecated;
        Assert.Equal("fd00::2", Chosen().ToString());
        host.Stack.RemoveAddress(host.Interface.Addresses.Single(each => each.Address.ToString() == "fd00::2"));
        Assert.Equal("fd00::1", Chosen().ToString());
    }

    [Fact]
    public void A_new_link_hears_all_addresses_and_groups()
    {
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        _network.Advance(TimeSpan.FromSeconds(30));
        _network.Wire.Sent.Clear();
        host.Link.Groups.Clear();

        host.Stack.OnLinkChanged(host.Interface);

        byte[] arp = Assert.Single(_network.Wire.Sent, frame => frame[12] == 8 && frame[13] == 6);
        Assert.True(ArpPacket.TryRead(arp.AsSpan(14), out ArpPacket packet));
        Assert.Equal("10.0.0.1", packet.SenderAddress.ToString());
        Assert.Equal(2, _network.Wire.Sent.Count(frame => frame[12] == 0x86 && frame[54] == IcmpV6Type.NeighbourAdvertisement));
        Assert.Contains(MacAddress.OfGroup(TestNetwork.Parse("fd00::1").SolicitedNode), host.Link.Groups);
    }

    [Fact]
    public void An_interface_has_so_many_addresses_and_no_more()
    {
        TestHost host = _network.AddHost();
        int count = 0;
        while (host.Stack.AddAddress(host.Interface, InternetAddress.FromIPv4(0x0A00_0001 + (uint)count), 24) is not null)
        {
            Assert.True(++count < 100, "addresses have no limit");
        }

        Assert.Throws<ArgumentException>(() => host.Stack.AddAddress(host.Interface, TestNetwork.Parse("224.0.0.9"), 24));
    }
}
