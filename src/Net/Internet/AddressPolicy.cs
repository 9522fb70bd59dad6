namespace Xenlet.Net.Internet;

/// <summary>
/// The policy table of RFC 6724, section 2.1, as far as a choice of source addresses needs it: the labels. Which destination is tried first
/// (section 6) is for whoever looks names up; in a guest it is glibc, by the same table.
/// </summary>
internal static class AddressPolicy
{
    /// <summary>The label of ::ffff:0:0/96, which all addresses of IPv4 have.</summary>
    private const int IPv4Label = 4;

    /// <summary>The label of ::/0.</summary>
    private const int OtherLabel = 1;

    /// <summary>The longest prefix first. Each is of the upper 64 bits at most.</summary>
    private static readonly (ulong High, int Length, int Label)[] s_labels =
    [
        (0x2001_0000_0000_0000, 32, 5),
        (0x2002_0000_0000_0000, 16, 2),
        (0x3FFE_0000_0000_0000, 16, 12),
        (0xFEC0_0000_0000_0000, 10, 11),
        (0xFC00_0000_0000_0000, 7, 13),
    ];

    /// <summary>The label of an address: a source and a destination with the same one belong together.</summary>
    public static int LabelOf(InternetAddress address)
    {
        if (address.IsIPv4)
        {
            return IPv4Label;
        }

        if (address.HasPrefix(InternetAddress.AnyIPv6, 96))
        {
            // ::1 by itself, and the IPv4-compatible addresses of old.
            return address.IsLoopback ? 0 : 3;
        }

        foreach ((ulong high, int length, int label) in s_labels)
        {
            if (address.HasPrefix(InternetAddress.FromIPv6(high, 0), length))
            {
                return label;
            }
        }

        return OtherLabel;
    }

    /// <summary>The scope of an address (RFC 6724, section 3.1): 2 is the link, 5 the site, 14 everything.</summary>
    public static int ScopeOf(InternetAddress address)
    {
        const int link = 2;
        const int site = 5;
        const int global = 14;
        if (address.IsLinkLocal || address.IsLoopback)
        {
            return link;
        }

        if (!address.IsMulticast)
        {
            return address.HasPrefix(InternetAddress.FromIPv6(0xFEC0_0000_0000_0000, 0), 10) ? site : global;
        }

        // RFC 2365, section 8, for IPv4; the scope's own field for IPv6 (RFC 4291, section 2.7).
        return address.IsLinkLocalMulticast ? link
            : !address.IsIPv4 ? address.MulticastScope
            : address.IPv4 >> 16 == 0xEFFF ? 3
            : address.IPv4 >> 18 == 0xEFC0 >> 2 ? 8
            : global;
    }
}
