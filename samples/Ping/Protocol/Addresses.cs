using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Xenlet.Samples;

/// <summary>
/// The addresses that the program answers for, as bytes in the order of the wire; null for a protocol that is not spoken.
/// </summary>
internal sealed record Addresses(byte[]? Ipv4, byte[]? Ipv6)
{
    public const string Usage = """
        usage: Ping [ADDRESS[/PREFIX]]...
          Answers ARP, neighbour discovery and pings on the first network interface, for one IPv4 and one IPv6 address
          at most. Without arguments these are 10.0.0.2/24 and fd00::2/64. The prefix only serves to find addresses that
          no station can have: an answer goes to the station that asked, and needs no route.
        """;

    private static readonly string[] Defaults = ["10.0.0.2/24", "fd00::2/64"];

    /// <summary>Those that there are.</summary>
    public IEnumerable<byte[]> All => ((byte[]?[])[Ipv4, Ipv6]).OfType<byte[]>();

    /// <summary>Reads the arguments of Main; null with a message when they are not understood.</summary>
    public static Addresses? Read(IReadOnlyList<string> arguments, out string problem)
    {
        problem = "";
        Addresses addresses = new(null, null);
        foreach (string argument in arguments.Count > 0 ? arguments : Defaults)
        {
            if (ReadOne(argument, out problem) is not { } bytes)
            {
                return null;
            }

            bool isIpv4 = bytes.Length == 4;
            if ((isIpv4 ? addresses.Ipv4 : addresses.Ipv6) is not null)
            {
                problem = $"'{argument}' is a second {(isIpv4 ? "IPv4" : "IPv6")} address, and there can be one";
                return null;
            }

            addresses = isIpv4 ? addresses with { Ipv4 = bytes } : addresses with { Ipv6 = bytes };
        }

        return addresses;
    }

    /// <summary>The addresses as they are written.</summary>
    public override string ToString() => string.Join(" and ", All.Select(address => new IPAddress(address)));

    private static byte[]? ReadOne(string argument, out string problem)
    {
        problem = "";
        int slash = argument.IndexOf('/', StringComparison.Ordinal);
        string text = slash < 0 ? argument : argument[..slash];

        // IPAddress also takes 10.2 and 0x0A000002, and zones and brackets for IPv6.
        if (!IPAddress.TryParse(text, out IPAddress? address)
            || (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != text)
            || text.AsSpan().ContainsAny('%', '['))
        {
            problem = $"'{argument}' is not an address such as 10.0.0.2/24 or fd00::2/64";
            return null;
        }

        byte[] bytes = address.GetAddressBytes();
        int bits = bytes.Length * 8;
        int prefix = bits;
        if (slash >= 0
            && (!int.TryParse(argument.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > bits))
        {
            problem = $"'{argument}' has no prefix length from 0 to {bits} behind the '/'";
            return null;
        }

        if (!IsOneStation(bytes) || IsEdge(bytes, prefix))
        {
            problem = $"'{argument}' is not the address of one station";
            return null;
        }

        return bytes;
    }

    private static bool IsOneStation(byte[] address) => address.Length == 4
        ? address[0] is not 0 and not 127 and < 224
        : address[0] != 0xFF && (address.AsSpan(0, 15).ContainsAnyExcept((byte)0) || address[15] > 1);

    /// <summary>
    /// Whether an IPv4 address is its network's first or last, which mean the network and everybody in it (not in nets of two or one).
    /// </summary>
    private static bool IsEdge(byte[] address, int prefix)
    {
        if (address.Length != 4 || prefix >= 31)
        {
            return false;
        }

        uint hostMask = uint.MaxValue >> prefix;
        uint host = (uint)((address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]) & hostMask;
        return host == 0 || host == hostMask;
    }
}
