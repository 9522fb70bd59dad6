using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Internet;

/// <summary>The tables of RFC 6724: labels (section 2.1) and scopes (section 3.1).</summary>
public sealed class AddressPolicyTests
{
    [Theory]
    [InlineData("::1", 0)]
    [InlineData("2a00::1", 1)]
    [InlineData("fe80::1", 1)]
    [InlineData("2002:c000:201::1", 2)]
    [InlineData("::192.0.2.1", 3)]
    [InlineData("192.0.2.1", 4)]
    [InlineData("127.0.0.1", 4)]
    [InlineData("2001::1", 5)]
    [InlineData("2001:1::1", 1)]
    [InlineData("fec0::1", 11)]
    [InlineData("3ffe::1", 12)]
    [InlineData("fc00::1", 13)]
    [InlineData("fdff::1", 13)]
    public void The_longest_prefix_gives_the_label(string address, int label) =>
        Assert.Equal(label, AddressPolicy.LabelOf(TestNetwork.Parse(address)));

    [Theory]
    [InlineData("::1", 2)]
    [InlineData("127.0.0.1", 2)]
    [InlineData("169.254.1.1", 2)]
    [InlineData("fe80::1", 2)]
    [InlineData("fec0::1", 5)]
    [InlineData("fd00::1", 14)]
    [InlineData("10.0.0.1", 14)]
    [InlineData("ff01::1", 2)]
    [InlineData("ff02::1", 2)]
    [InlineData("ff05::1", 5)]
    [InlineData("ff0e::1", 14)]
    [InlineData("224.0.0.251", 2)]
    [InlineData("239.255.0.1", 3)]
    [InlineData("239.192.0.1", 8)]
    [InlineData("232.1.2.3", 14)]
    public void A_scope_is_how_far_packets_to_an_address_go(string address, int scope) =>
        Assert.Equal(scope, AddressPolicy.ScopeOf(TestNetwork.Parse(address)));
}
