using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Xenlet.Net;

/// <summary>An Ethernet address: six bytes, in the order of a frame.</summary>
public readonly record struct MacAddress
{
    /// <summary>The size of an address, in bytes.</summary>
    public const int Size = 6;

    private readonly ulong _value;

    /// <summary>Takes six bytes in the order of a frame.</summary>
    /// <exception cref="ArgumentException">There are not six.</exception>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
        {
            throw new ArgumentException($"an Ethernet address has {Size} bytes, not {bytes.Length}", nameof(bytes));
        }

        _value = ((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..6]);
    }

    private MacAddress(ulong value) => _value = value;

    /// <summary>The address of all stations, ff:ff:ff:ff:ff:ff.</summary>
    public static MacAddress Broadcast { get; } = new([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);

    /// <summary>Whether it is the address of a group of stations, such as the broadcast address.</summary>
    public bool IsMulticast => (_value & 0x0100_0000_0000) != 0;

    /// <summary>
    /// The interface identifier that RFC 4291, appendix A, makes of it: the two halves with ff:fe between them and the universal bit
    /// inverted.
    /// </summary>
    public ulong InterfaceIdentifier =>
        (((_value >> 24) << 40) | 0xFF_FE00_0000 | (_value & 0xFF_FFFF)) ^ 0x0200_0000_0000_0000;

    /// <summary>The address to which packets to a multicast group are sent (RFC 1112, section 6.4; RFC 2464, section 7).</summary>
    public static MacAddress OfGroup(InternetAddress group)
    {
        Span<byte> bytes = stackalloc byte[16];
        group.WriteIPv6(bytes);
        uint low = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
        return new MacAddress(group.IsIPv4 ? 0x0100_5E00_0000UL | (low & 0x7F_FFFF) : 0x3333_0000_0000UL | low);
    }

    /// <summary>Parses six pairs of hexadecimal digits with colons or hyphens between them.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = default;
        if (text is not { Length: 17 })
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[Size];
        for (int i = 0; i < Size; i++)
        {
            if (!byte.TryParse(text.AsSpan(i * 3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[i])
                || (i > 0 && text[(i * 3) - 1] is not (':' or '-')))
            {
                return false;
            }
        }

        address = new MacAddress(bytes);
        return true;
    }

    /// <summary>Parses an address as <see cref="TryParse"/> does.</summary>
    /// <exception cref="FormatException">It is no Ethernet address.</exception>
    public static MacAddress Parse(string text) =>
        TryParse(text, out MacAddress address) ? address : throw new FormatException($"'{text}' is no Ethernet address");

    /// <summary>Writes the six bytes.</summary>
    /// <exception cref="ArgumentException">There is not enough room.</exception>
    public void CopyTo(Span<byte> destination)
    {
        if (destination.Length < Size)
        {
            throw new ArgumentException(
                $"an Ethernet address has {Size} bytes, there is room for {destination.Length}", nameof(destination));
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(_value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(destination[2..6], (uint)_value);
    }

    /// <summary>Six pairs of hexadecimal digits with colons between them.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return string.Create(
            CultureInfo.InvariantCulture, $"{bytes[0]:x2}:{bytes[1]:x2}:{bytes[2]:x2}:{bytes[3]:x2}:{bytes[4]:x2}:{bytes[5]:x2}");
    }
}
