namespace Xenlet.Sockets.Tests;

/// <summary>Addresses on the domain's command line.</summary>
public sealed class AddressSettingsTests
{
    private static readonly AddressSettings Settings = AddressSettings.From(new Dictionary<string, string>
    {
        ["XENLET_IP"] = "10.0.0.2/24, fd00::2/64",
        ["XENLET_GATEWAY"] = "10.0.0.1,fd00::1",
        ["XENLET_IP_1"] = "192.0.2.7",
        ["XENLET_DNS"] = "10.0.0.53",
        ["XENLET_IP_2"] = "10.0.0.300/24",
        ["XENLET_IP_3"] = "10.0.0.3/33",
    });

    [Theory]
    [InlineData("vif0", "10.0.0.2/24 fd00::2/64", "10.0.0.1 fd00::1")]
    [InlineData("vif1", "192.0.2.7/32", "")]
    [InlineData("vif9", "", "")]
    public void Each_interface_has_its_own(string name, string addresses, string gateways)
    {
        Assert.Equal(addresses, string.Join(' ', Settings.AddressesOf(name).Select(each => $"{each.Address}/{each.PrefixLength}")));
        Assert.Equal(gateways, string.Join(' ', Settings.GatewaysOf(name)));
        Assert.Equal("10.0.0.53", string.Join(' ', Settings.NameServers));
    }

    [Theory]
    [InlineData("vif2", "XENLET_IP_2 has '10.0.0.300', which is no address of IPv4 or IPv6")]
    [InlineData("vif3", "XENLET_IP_3 has '10.0.0.3/33', whose prefix is not of 0 to 32 bits")]
    public void What_is_malformed_is_named(string name, string expected) =>
        Assert.Equal(expected, Assert.Throws<FormatException>(() => Settings.AddressesOf(name)).Message);
}
