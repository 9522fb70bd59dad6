using System.Net;

namespace Xenlet.Net.Tests.Base;

public sealed class InternetAddressTests
{
    [Theory]
    [InlineData("0.0.0.0", true, true, false, false, false)]
    [InlineData("10.0.0.2", true, false, false, false, false)]
    [InlineData("127.255.0.1", true, false, false, true, false)]
    [InlineData("224.0.0.1", true, false, true, false, false)]
    [InlineData("239.255.255.250", true, false, true, false, false)]
    [InlineData("255.255.255.255", true, false, false, false, false)]
    [InlineData("::", false, true, false, false, false)]
    [InlineData("::1", false, false, false, true, false)]
    [InlineData("2001:db8::1", false, false, false, false, false)]
    [InlineData("fe80::1", false, false, false, false, true)]
    [InlineData("febf::1", false, false, false, false, true)]
    [InlineData("fec0::1", false, false, false, false, false)]
    [InlineData("ff02::1", false, false, true, false, false)]
    public void An_address_says_what_kind_it_is_and_survives_the_wire(
        string text, bool isIPv4, bool isAny, bool isMulticast, bool isLoopback, bool isLinkLocal)
    {
        InternetAddress address = InternetAddress.From(IPAddress.Parse(text));

        byte[] wire = new byte[address.Size];
        address.Write(wire);
        Assert.Equal(IPAddress.Parse(text).GetAddressBytes(), wire);
        Assert.Equal(address, InternetAddress.Read(wire));
        Assert.Equal(text, address.ToString());
        Assert.Equal(isIPv4, address.IsIPv4);
        Assert.Equal(isAny, address.IsAny);
        Assert.Equal(isMulticast, address.IsMulticast);
        Assert.Equal(isLoopback, address.IsLoopback);
        Assert.Equal(isLinkLocal, address.IsIPv6LinkLocal);
    }

    [Theory]
    [InlineData("10.0.0.2", "10.0.0.77", 24, true)]
    [InlineData("10.0.0.2", "10.0.1.2", 24, false)]
    [InlineData("10.0.0.2", "10.0.1.2", 23, true)]
    [InlineData("10.0.0.2", "10.0.0.3", 32, false)]
    [InlineData("10.0.0.2", "99.0.0.3", 0, true)]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", 64, true)]
    [InlineData("2001:db8::1", "2001:db9::1", 64, false)]
    [InlineData("2001:db8::1", "fe80::1", 0, true)]
    [InlineData("10.0.0.2", "fe80::1", 0, false)]
    public void A_prefix_is_compared_by_its_bits_within_one_family(string left, string right, int length, bool isSame)
    {
        InternetAddress one = InternetAddress.From(IPAddress.Parse(left));
        InternetAddress other = InternetAddress.From(IPAddress.Parse(right));

        Assert.Equal(isSame, one.HasPrefix(other, length));
        Assert.Equal(isSame, other.HasPrefix(one, length));
    }
}
