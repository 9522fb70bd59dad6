using Xenlet.Drivers.Net;
using Xenlet.Net;

namespace Xenlet.Drivers.Tests.Net;

/// <summary>Addresses of the vif line, as another domain may have written them.</summary>
public sealed class ToolStackAddressesTests
{
    private const string Refusal = ", which is no address of an interface";

    /// <summary>The node's value, what is taken of it, and what is said of the rest.</summary>
    public static TheoryData<string, string, string?> Texts { get; } = new()
    {
        { "", "", null },
        { " \n\t, ", "", null },
        { "10.0.0.2", "10.0.0.2/32", null },
        { "10.0.0.2/24 fd00::2", "10.0.0.2/24 fd00::2/128", null },
        { "10.0.0.2/24,10.0.0.3\t10.0.0.2/24", "10.0.0.2/24 10.0.0.3/32", null },
        { "10.0.0.2/33 10.0.0.3", "10.0.0.3/32", "'10.0.0.2/33'" + Refusal },
        { "fd00::1/129", "", "'fd00::1/129'" + Refusal },
        { "10.0.0.2/-1", "", "'10.0.0.2/-1'" + Refusal },
        { "10.0.0.2/", "", "'10.0.0.2/'" + Refusal },
        { "10.0.0.2/99999999999999999999", "", "'10.0.0.2/99999999999999999999'" + Refusal },
        { "10.0 1.2.3.4", "1.2.3.4/32", "'10.0'" + Refusal },
        { "0.0.0.0/0 ::/0 127.0.0.1 ::1 224.0.0.1 ff02::1 255.255.255.255", "", "'0.0.0.0/0'" + Refusal },
        { "fe80::1%vif0", "", "'fe80::1%vif0'" + Refusal },
        { "\u001b[2J", "", "'\\x1b[2J'" + Refusal },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void What_no_interface_can_have_is_named_and_the_rest_is_taken(string text, string expected, string? refused)
    {
        IReadOnlyList<AddressAssignment> found = ToolStackAddresses.Parse(text, out string? said);
        Assert.Equal((expected, refused), (string.Join(' ', found), said));
    }

    [Fact]
    public void Endless_lists_and_words_are_bounded()
    {
        string many = string.Join(' ', Enumerable.Range(1, 1_000).Select(number => $"10.0.{number / 250}.{(number % 250) + 1}"));
        Assert.Equal(ToolStackAddresses.Most, ToolStackAddresses.Parse(many, out string? refused).Count);
        Assert.Equal("more than 16 addresses", refused);
        Assert.Empty(ToolStackAddresses.Parse(new string('1', 4_000), out refused));
        Assert.Equal($"'{new string('1', 64)}'{Refusal}", refused);
    }
}
