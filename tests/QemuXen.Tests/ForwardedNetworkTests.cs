namespace Xenlet.QemuXen.Tests;

/// <summary>The network through which this machine reaches a guest.</summary>
public sealed class ForwardedNetworkTests
{
    [Theory]
    [InlineData("10.0.2.15/24", "10.0.2.0/24", "10.0.2.254", "10.0.2.253")]
    [InlineData("10.0.0.254/24", "10.0.0.0/24", "10.0.0.253", "10.0.0.252")]
    [InlineData("192.168.7.33/28", "192.168.7.32/28", "192.168.7.46", "192.168.7.45")]
    public void Its_own_members_have_addresses_that_the_guest_has_not(string guest, string net, string host, string dns)
    {
        ForwardedNetwork network = ForwardedNetwork.Parse(guest)!;

        string addresses = $"""
            "net":"{net}","host":"{host}","dns":"{dns}","dhcpstart":"{network.Guest}"
            """;
        string forwards = $$"""{"str":"tcp:127.0.0.1:81-{{network.Guest}}:80"},{"str":"tcp:127.0.0.1:82-{{network.Guest}}:443"}""";
        Assert.Equal(
            $$"""{"type":"user","id":"n","ipv6":false,{{addresses}},"hostfwd":[{{forwards}}]}""",
            network.ToNetdev("n", [new(81, 80), new(82, 443)]));
    }

    [Theory]
    [InlineData("fd00::2/64")]
    [InlineData("10.0.0.2")]
    [InlineData("10.0.0.2/30")]
    [InlineData("10.0.0.2/4")]
    [InlineData("10.0.0.2/24/1")]
    [InlineData("")]
    public void What_is_no_address_of_such_a_network_is_none(string text) => Assert.Null(ForwardedNetwork.Parse(text));
}
