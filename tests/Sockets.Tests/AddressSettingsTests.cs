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
        ["XENLET_IP_4"] = "224.0.0.1/24",
        ["XENLET_ADDRESS_LIMIT"] = "30",
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
    [InlineData("vif4", "XENLET_IP_4 has '224.0.0.1/24', which no interface can have")]
    public void What_is_malformed_is_named(string name, string expected) =>
        Assert.Equal(expected, Assert.Throws<FormatException>(() => Settings.AddressesOf(name)).Message);

    [Theory]
    [InlineData(null, false)]
    [InlineData("0", false)]
    [InlineData("1", true)]
    [InlineData("yes", null)]
    [InlineData("", null)]
    public void Source_routes_are_accepted_when_the_setting_says_1(string? text, bool? expected)
    {
        const string variable = "XENLET_ACCEPT_SOURCE_ROUTE";
        AddressSettings settings =
            text is null ? AddressSettings.None : AddressSettings.From(new Dictionary<string, string> { [variable] = text });
        if (expected is { } accepts)
        {
            Assert.Equal(accepts, settings.AcceptsSourceRoutes);
        }
        else
        {
            Assert.Equal(
                $"{variable} has '{text}', which is neither 0 nor 1",
                Assert.Throws<FormatException>(() => settings.AcceptsSourceRoutes).Message);
        }
    }

    [Fact]
    public void The_limit_is_a_number_of_seconds_or_nothing()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), Settings.AddressLimit);
        Assert.Null(AddressSettings.None.AddressLimit);
        foreach (string wrong in (string[])["", "-1", "1.5", "soon", "86401"])
        {
            AddressSettings settings = AddressSettings.From(new Dictionary<string, string> { ["XENLET_ADDRESS_LIMIT"] = wrong });
            Assert.Equal(
                $"XENLET_ADDRESS_LIMIT has '{wrong}', which is not a number of seconds from 0 to 86400",
                Assert.Throws<FormatException>(() => settings.AddressLimit).Message);
        }
    }
}
