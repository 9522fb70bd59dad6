using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>The fixed header of an IPv6 packet (RFC 8200, section 3).</summary>
internal readonly record struct IPv6Header
{
    public const int Size = 40;

    public byte TrafficClass { get; init; }

    public uint FlowLabel { get; init; }

    /// <summary>Bytes behind this header.</summary>
    public int PayloadLength { get; init; }

    public byte NextHeader { get; init; }

    public byte HopLimit { get; init; }

    public InternetAddress Source { get; init; }

    public InternetAddress Destination { get; init; }

    /// <summary>
    /// Reads a packet's header from its first bytes. False when it is none, or says more than the <paramref name="length"/> of the packet.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, int length, out IPv6Header header) =>
        TryReadQuoted(packet, out header) && Size + header.PayloadLength <= length;

    /// <summary>Reads the header of a packet of which an ICMPv6 error quotes the beginning.</summary>
    public static bool TryReadQuoted(ReadOnlySpan<byte> packet, out IPv6Header header)
    {
        header = default;
        if (packet.Length < Size || packet[0] >> 4 != 6)
        {
            return false;
        }

        uint first = BinaryPrimitives.ReadUInt32BigEndian(packet);
        header = new()
        {
            TrafficClass = (byte)(first >> 20),
            FlowLabel = first & 0xF_FFFF,
            PayloadLength = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]),
            NextHeader = packet[6],
            HopLimit = packet[7],
            Source = InternetAddress.Read(packet[8..24]),
            Destination = InternetAddress.Read(packet[24..40]),
        };

        // On the wire an IPv4-mapped address is nobody's (RFC 4942, section 2.2); taken for one, it would reach what filters IPv4 apart.
        return !header.Source.IsIPv4 && !header.Destination.IsIPv4;
    }

    /// <summary>Writes the header, <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, 0x6000_0000 | ((uint)TrafficClass << 20) | FlowLabel);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..], (ushort)PayloadLength);
        destination[6] = NextHeader;
        destination[7] = HopLimit;
        Source.WriteIPv6(destination[8..]);
        Destination.WriteIPv6(destination[24..]);
    }
}
