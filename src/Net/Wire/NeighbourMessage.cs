namespace Xenlet.Net.Wire;

/// <summary>A neighbour solicitation or advertisement (RFC 4861, sections 4.3 and 4.4), from its ICMPv6 header on.</summary>
/// <param name="Flags">Of an advertisement: <see cref="Router"/>, <see cref="Solicited"/>, <see cref="Override"/>.</param>
/// <param name="Target">The address that is asked for, or told of.</param>
/// <param name="LinkAddress">The link-layer address option: the source's of a solicitation, the target's of an advertisement.</param>
internal readonly record struct NeighbourMessage(byte Flags, InternetAddress Target, MacAddress? LinkAddress)
{
    /// <summary>Bytes without options.</summary>
    public const int Size = 24;

    /// <summary>Bytes with the link-layer address option.</summary>
    public const int SizeWithAddress = Size + 8;

    public const byte Router = 0x80;
    public const byte Solicited = 0x40;
    public const byte Override = 0x20;

    /// <summary>Reads a message whose header has been read. False for one that RFC 4861, section 7.1, calls invalid.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out NeighbourMessage neighbour)
    {
        neighbour = default;
        if (message.Length < Size || message[1] != 0 || !NeighbourOptions.AreValid(message[Size..]))
        {
            return false;
        }

        byte wanted = message[0] == IcmpV6Type.NeighbourSolicitation
            ? NeighbourOptions.SourceLinkAddress
            : NeighbourOptions.TargetLinkAddress;
        NeighbourOptions options = new(message[Size..]);
        MacAddress? address = null;
        while (options.TryNext(out byte type, out ReadOnlySpan<byte> body))
        {
            if (type == wanted)
            {
                address = new MacAddress(body[..MacAddress.Size]);
                break;
            }
        }

        neighbour = new(message[4], InternetAddress.Read(message[8..24]), address);
        return !neighbour.Target.IsMulticast;
    }

    /// <summary>Writes the message with a checksum of zero, and returns how many bytes it has.</summary>
    public int Write(Span<byte> destination, byte type)
    {
        new IcmpHeader(type, 0, (uint)Flags << 24).Write(destination);
        Target.WriteIPv6(destination[8..]);
        if (LinkAddress is not { } address)
        {
            return Size;
        }

        destination[Size] = type == IcmpV6Type.NeighbourSolicitation
            ? NeighbourOptions.SourceLinkAddress
            : NeighbourOptions.TargetLinkAddress;
        destination[Size + 1] = 1;
        address.CopyTo(destination[(Size + 2)..]);
        return SizeWithAddress;
    }
}
