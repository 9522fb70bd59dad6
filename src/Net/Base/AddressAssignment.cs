using System.Globalization;

namespace Xenlet.Net;

/// <summary>An address of an interface, and how many of its bits are those of its network: <c>10.0.0.2/24</c>.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">The length of the network's prefix, in bits.</param>
public readonly record struct AddressAssignment(InternetAddress Address, int PrefixLength)
{
    /// <summary>Whether the prefix is the whole address: the interface knows no neighbours.</summary>
    public bool IsHost => PrefixLength == Address.Size * 8;

    /// <summary>Reads an address with the length of its prefix, or without: then the prefix is the whole address.</summary>
    /// <param name="text">The text. It may be anybody's.</param>
    /// <param name="assignment">What it says.</param>
    /// <returns>False if it is malformed, or if no interface can have the address.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out AddressAssignment assignment)
    {
        assignment = default;
        int slash = text.IndexOf('/');
        if (!InternetAddress.TryParse(slash < 0 ? text : text[..slash], out InternetAddress address) || !IsAssignable(address))
        {
            return false;
        }

        int most = address.Size * 8;
        int length = most;
        if (slash >= 0 && !int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out length))
        {
            return false;
        }

        assignment = new AddressAssignment(address, length);
        return length <= most;
    }

    /// <summary>Whether an interface can have the address.</summary>
    public static bool IsAssignable(InternetAddress address) => address.IsOneHost && !address.IsLoopback;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{PrefixLength}");
}
