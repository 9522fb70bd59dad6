using System.Buffers.Binary;
using System.Net;

namespace Xenlet.Net;

/// <summary>
/// An address of IPv4 or IPv6: sixteen bytes without an object, since every packet has two of them. An IPv4 address is kept as its
/// IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2), so that one table serves both.
/// </summary>
public readonly record struct InternetAddress
{
    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    private readonly ulong _high;
    private readonly ulong _low;

    private InternetAddress(ulong high, ulong low)
    {
        _high = high;
        _low = low;
    }

    /// <summary>The address <c>::</c>, which says "any address" or "none yet".</summary>
    public static InternetAddress AnyIPv6 => default;

    /// <summary>The address <c>0.0.0.0</c>.</summary>
    public static InternetAddress AnyIPv4 => FromIPv4(0);

    /// <summary>The address <c>255.255.255.255</c>: all hosts of the link.</summary>
    public static InternetAddress LimitedBroadcast => FromIPv4(uint.MaxValue);

    /// <summary>The first half, as IPv6 and the wire have it.</summary>
    internal ulong High => _high;

    /// <summary>The second half.</summary>
    internal ulong Low => _low;

    /// <summary>Whether this is an IPv4 address.</summary>
    public bool IsIPv4 => _high == 0 && (_low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;

    /// <summary>Whether this is <c>0.0.0.0</c> or <c>::</c>.</summary>
    public bool IsAny => this == AnyIPv6 || this == AnyIPv4;

    /// <summary>Whether this is a multicast address: 224.0.0.0/4 or ff00::/8.</summary>
    public bool IsMulticast => IsIPv4 ? IPv4 >> 28 == 0xE : _high >> 56 == 0xFF;

    /// <summary>Whether this is a loopback address: 127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => IsIPv4 ? IPv4 >> 24 == 127 : _high == 0 && _low == 1;

    /// <summary>Whether this can be the address of one host: neither <c>0.0.0.0</c> or <c>::</c>, nor a group, nor everybody.</summary>
    internal bool IsOneHost => IsIPv4
        ? IPv4 - 1 < 0xDFFF_FFFF || (IPv4 >= 0xF000_0000 && IPv4 != uint.MaxValue)
        : _high >> 56 != 0xFF && (_high | _low) != 0;

    /// <summary>Whether this is one of 240.0.0.0/4, which no host has (RFC 1112, section 4), or everybody's address.</summary>
    internal bool IsReserved => IsIPv4 && IPv4 >> 28 == 0xF;

    /// <summary>Whether this is an IPv6 link-local unicast address, fe80::/10.</summary>
    public bool IsIPv6LinkLocal => _high >> 54 == 0x3FA;

    /// <summary>Whether this is a link-local unicast address of either family: fe80::/10 or 169.254.0.0/16.</summary>
    public bool IsLinkLocal => IsIPv4 ? IPv4 >> 16 == 0xA9FE : IsIPv6LinkLocal;

    /// <summary>Whether packets to this address leave neither the link nor the machine, whatever the routes say.</summary>
    public bool IsLinkLocalMulticast => IsIPv4 ? IPv4 >> 8 == 0xE00000 : _high >> 56 == 0xFF && ((_high >> 48) & 0xF) <= 2;

    /// <summary>The scope in an IPv6 multicast address (RFC 4291, section 2.7).</summary>
    internal int MulticastScope => (int)((_high >> 48) & 0xF);

    /// <summary>
    /// The multicast group of all whose addresses end in the same 24 bits, by which a neighbour is asked for (RFC 4291, section 2.7.1).
    /// </summary>
    public InternetAddress SolicitedNode => new(0xFF02_0000_0000_0000, 0x0000_0001_FF00_0000 | (_low & 0xFF_FFFF));

    /// <summary>The 32 bits of an IPv4 address, the first byte of the wire the most significant.</summary>
    public uint IPv4 => (uint)_low;

    /// <summary>The length of the address on the wire, in bytes: 4 or 16.</summary>
    public int Size => IsIPv4 ? 4 : 16;

    /// <summary>An IPv4 address of its 32 bits, the first byte of the wire the most significant.</summary>
    public static InternetAddress FromIPv4(uint address) => new(0, MappedPrefix | address);

    /// <summary>An IPv6 address of its two halves, the first byte of the wire the most significant.</summary>
    public static InternetAddress FromIPv6(ulong high, ulong low) => new(high, low);

    /// <summary>Reads an address as text: four decimal numbers, or IPv6 without a scope.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out InternetAddress address)
    {
        address = default;
        bool isWhole = text.Contains(':') ? !text.Contains('%') && !text.Contains('[') : text.Count('.') == 3;
        if (!isWhole || !IPAddress.TryParse(text, out IPAddress? parsed))
        {
            return false;
        }

        address = From(parsed);
        return true;
    }

    /// <summary>An address as the wire has it: 4 bytes are IPv4, 16 IPv6.</summary>
    public static InternetAddress Read(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        4 => FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(bytes)),
        16 => new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])),
        _ => throw new ArgumentException($"an address has 4 or 16 bytes, not {bytes.Length}", nameof(bytes)),
    };

    /// <summary>An address of .NET's, without its scope.</summary>
    public static InternetAddress From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out int length)
            ? Read(bytes[..length])
            : throw new ArgumentException($"{address} is no address of IPv4 or IPv6", nameof(address));
    }

    /// <summary>Writes the address as the wire has it, <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        if (IsIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, IPv4);
            return;
        }

        WriteIPv6(destination);
    }

    /// <summary>Writes the sixteen bytes of the IPv6 or IPv4-mapped address.</summary>
    public void WriteIPv6(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    /// <summary>
    /// Whether the first <paramref name="length"/> bits equal those of <paramref name="other"/>. Addresses of two families have no common
    /// prefix.
    /// </summary>
    public bool HasPrefix(InternetAddress other, int length)
    {
        if (IsIPv4 != other.IsIPv4)
        {
            return false;
        }

        UInt128 difference = new UInt128(_high, _low) ^ new UInt128(other._high, other._low);
        int bits = IsIPv4 ? length + 96 : length;
        return bits == 0 || difference >> (128 - bits) == 0;
    }

    /// <summary>How many bits from the first on are the same in both; 0 for two families.</summary>
    public int CommonPrefixLength(InternetAddress other)
    {
        if (IsIPv4 != other.IsIPv4)
        {
            return 0;
        }

        int bits = (int)UInt128.LeadingZeroCount(new UInt128(_high, _low) ^ new UInt128(other._high, other._low));
        return IsIPv4 ? bits - 96 : bits;
    }

    /// <summary>The first <paramref name="length"/> bits of this address, the rest zero.</summary>
    public InternetAddress Mask(int length)
    {
        int bits = IsIPv4 ? length + 96 : length;
        UInt128 value = bits == 0 ? 0 : new UInt128(_high, _low) & (UInt128.MaxValue << (128 - bits));
        return new((ulong)(value >> 64), (ulong)value);
    }

    /// <summary>The first 64 bits of this address, and the last 64 of <paramref name="identifier"/>.</summary>
    public InternetAddress WithInterfaceIdentifier(ulong identifier) => new(_high, identifier);

    /// <summary>Spreads addresses evenly over the numbers of 32 bits, for a table where an unlucky place costs time and no more.</summary>
    internal uint Mix() => (uint)((_high ^ _low) * 0x9E37_79B9_7F4A_7C15 >> 32);

    /// <summary>The address as .NET's type has it.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        Write(bytes);
        return new IPAddress(bytes[..Size]);
    }

    public override string ToString() => ToIPAddress().ToString();
}
