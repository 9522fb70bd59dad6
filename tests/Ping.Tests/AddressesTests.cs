namespace Xenlet.Samples.Tests;

public sealed class AddressesTests
{
    [Theory]
    [InlineData("", "0a000002", "fd000000000000000000000000000002")]
    [InlineData("192.168.7.1/24", "c0a80701", null)]
    [InlineData("192.168.7.1", "c0a80701", null)]
    [InlineData("192.168.7.0/31", "c0a80700", null)]
    [InlineData("192.168.7.0/23 ", "c0a80700", null)]
    [InlineData("fe80::1/64", null, "fe800000000000000000000000000001")]
    [InlineData("fd00::1/128 10.1.2.3/8", "0a010203", "fd000000000000000000000000000001")]
    [InlineData("2001:db8::/64", null, "20010db8000000000000000000000000")]
    public void Arguments_are_addresses(string line, string? ipv4, string? ipv6)
    {
        Addresses addresses = Addresses.Read(Words(line), out _)!;

        Assert.Equal(ipv4 is null ? null : Frames.Hex(ipv4), addresses.Ipv4);
        Assert.Equal(ipv6 is null ? null : Frames.Hex(ipv6), addresses.Ipv6);
    }

    [Theory]
    [InlineData("nonsense", "'nonsense' is not an address")]
    [InlineData("10.0.2/24", "is not an address")]
    [InlineData("10.0.0.02", "is not an address")]
    [InlineData("0x0a000002", "is not an address")]
    [InlineData("10.0.0.256", "is not an address")]
    [InlineData("[fd00::1]", "is not an address")]
    [InlineData("fe80::1%1", "is not an address")]
    [InlineData("/24", "is not an address")]
    [InlineData("10.0.0.2/", "prefix length from 0 to 32")]
    [InlineData("10.0.0.2/33", "prefix length from 0 to 32")]
    [InlineData("10.0.0.2/-1", "prefix length from 0 to 32")]
    [InlineData("10.0.0.2/24/3", "prefix length from 0 to 32")]
    [InlineData("fd00::2/129", "prefix length from 0 to 128")]
    [InlineData("10.0.0.0/24", "'10.0.0.0/24' is not the address of one station")]
    [InlineData("10.0.0.255/24", "is not the address of one station")]
    [InlineData("0.0.0.0", "is not the address of one station")]
    [InlineData("127.0.0.1", "is not the address of one station")]
    [InlineData("224.0.0.1", "is not the address of one station")]
    [InlineData("::", "is not the address of one station")]
    [InlineData("::1", "is not the address of one station")]
    [InlineData("ff02::1", "is not the address of one station")]
    [InlineData("10.0.0.2 10.0.0.3", "'10.0.0.3' is a second IPv4 address")]
    [InlineData("fd00::2 fd00::3", "'fd00::3' is a second IPv6 address")]
    public void What_is_no_address_is_named(string line, string problem)
    {
        Assert.Null(Addresses.Read(Words(line), out string said));
        Assert.Contains(problem, said, StringComparison.Ordinal);
    }

    [Fact]
    public void They_are_written_as_they_are_read() => Assert.Equal("10.0.0.2 and fd00::2", Addresses.Read([], out _)!.ToString());

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
