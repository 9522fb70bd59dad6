using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Base;

/// <summary>Prefixes, groups and hardware addresses that are made of an address.</summary>
public sealed class AddressPartsTests
{
    [Theory]
    [InlineData("10.1.2.3", 8, "10.0.0.0")]
    [InlineData("10.1.2.3", 32, "10.1.2.3")]
    [InlineData("10.1.2.3", 0, "0.0.0.0")]
    [InlineData("10.255.255.255", 9, "10.128.0.0")]
    [InlineData("2001:db8:1:2:3::4", 64, "2001:db8:1:2::")]
    [InlineData("2001:db8:ffff::", 33, "2001:db8:8000::")]
    [InlineData("2001:db8::4", 128, "2001:db8::4")]
    [InlineData("2001:db8::4", 0, "::")]
    public void A_prefix_has_the_first_bits_of_its_address(string address, int length, string expected)
    {
        NetworkPrefix prefix = new(TestNetwork.Parse(address), length);
        Assert.Equal(expected, prefix.Address.ToString());
        Assert.True(prefix.Contains(TestNetwork.Parse(address)), $"{prefix} does not contain {address}");
    }

    [Theory]
    [InlineData("10.0.0.0", "10.0.0.1", 31)]
    [InlineData("10.0.0.0", "138.0.0.0", 0)]
    [InlineData("10.0.0.0", "10.0.0.0", 32)]
    [InlineData("fd00::", "fd00::1", 127)]
    [InlineData("fd00::", "10.0.0.1", 0)]
    public void Common_bits_are_counted_from_the_first(string one, string other, int expected) =>
        Assert.Equal(expected, TestNetwork.Parse(one).CommonPrefixLength(TestNetwork.Parse(other)));

    [Theory]
    [InlineData("224.1.2.3", "01:00:5e:01:02:03")]
    [InlineData("239.255.2.3", "01:00:5e:7f:02:03")]
    [InlineData("ff02::1:ff12:3456", "33:33:ff:12:34:56")]
    public void A_group_has_a_hardware_address(string group, string expected) =>
        Assert.Equal(expected, MacAddress.OfGroup(TestNetwork.Parse(group)).ToString());

    [Fact]
    public void A_hardware_address_makes_an_interface_identifier_and_an_address_the_group_that_it_is_asked_for_in()
    {
        ulong identifier = MacAddress.Parse("00:16:3e:12:34:56").InterfaceIdentifier;
        InternetAddress address = TestNetwork.Parse("fe80::").WithInterfaceIdentifier(identifier);
        Assert.Equal("fe80::216:3eff:fe12:3456", address.ToString());
        Assert.Equal("ff02::1:ff12:3456", address.SolicitedNode.ToString());
    }

    [Theory]
    [InlineData("10.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("10.1", false)]
    [InlineData("1", false)]
    [InlineData("fe80::1%eth0", false)]
    [InlineData("[::1]", false)]
    [InlineData("10.0.0.256", false)]
    [InlineData("", false)]
    public void Text_is_an_address_when_it_is_whole(string text, bool isAddress) =>
        Assert.Equal(isAddress, InternetAddress.TryParse(text, out _));
}
