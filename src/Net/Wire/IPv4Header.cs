using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>The header of an IPv4 packet (RFC 791), its options apart.</summary>
internal readonly record struct IPv4Header
{
    /// <summary>Bytes of a header without options.</summary>
    public const int Size = 20;

    /// <summary>Bytes of a header with the option that makes routers look at the packet (RFC 2113).</summary>
    public const int SizeWithRouterAlert = Size + 4;

    private const uint RouterAlert = 0x9404_0000;
    private const int DontFragmentFlag = 0x4000;
    private const int MoreFragmentsFlag = 0x2000;

    /// <summary>Bytes of the header, options included.</summary>
    public int HeaderLength { get; private init; }

    /// <summary>Bytes of the packet, header included.</summary>
    public int TotalLength { get; init; }

    /// <summary>The type of service.</summary>
    public byte TrafficClass { get; init; }

    public ushort Identification { get; init; }

    public bool IsDontFragment { get; init; }

    public bool HasMoreFragments { get; init; }

    /// <summary>Where the fragment belongs in its packet's data, in bytes.</summary>
    public int FragmentOffset { get; init; }

    /// <summary>The time to live.</summary>
    public byte HopLimit { get; init; }

    public byte Protocol { get; init; }

    public InternetAddress Source { get; init; }

    public InternetAddress Destination { get; init; }

    /// <summary>Whether <see cref="Write"/> adds the option that makes routers look at the packet.</summary>
    public bool HasRouterAlert { get; init; }

    /// <summary>
    /// The source route that <see cref="Write"/> adds: the header's destination is then its first hop, and <see cref="Destination"/> stands
    /// at its end.
    /// </summary>
    public SourceRoute? Route { get; init; }

    public bool IsFragment => HasMoreFragments || FragmentOffset != 0;

    /// <summary>
    /// Reads a packet's header and verifies its checksum. False when it is none, or says more than there is: the header is within
    /// <paramref name="packet"/>, which has the packet's first bytes, the packet within <paramref name="length"/>, and a fragment within
    /// the 65,535 bytes of the largest packet.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, int length, out IPv4Header header) =>
        TryReadQuoted(packet, out header)
        && header.TotalLength <= length
        && InternetChecksum.Of(InternetChecksum.Add(packet[..header.HeaderLength])) == 0;

    /// <summary>
    /// Reads the header of a packet of which an ICMP error quotes the beginning. Its checksum is not verified: routers change headers, and
    /// not all of them restore it before they quote.
    /// </summary>
    public static bool TryReadQuoted(ReadOnlySpan<byte> packet, out IPv4Header header)
    {
        header = default;
        if (packet.Length < Size || packet[0] >> 4 != 4)
        {
            return false;
        }

        int headerLength = (packet[0] & 15) * 4;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(packet[2..4]);
        int fragment = BinaryPrimitives.ReadUInt16BigEndian(packet[6..8]);
        int offset = (fragment & 0x1FFF) * 8;
        if (headerLength < Size || headerLength > packet.Length || totalLength < headerLength || offset + totalLength > ushort.MaxValue)
        {
            return false;
        }

        header = new()
        {
            HeaderLength = headerLength,
            TotalLength = totalLength,
            TrafficClass = packet[1],
            Identification = BinaryPrimitives.ReadUInt16BigEndian(packet[4..6]),
            IsDontFragment = (fragment & DontFragmentFlag) != 0,
            HasMoreFragments = (fragment & MoreFragmentsFlag) != 0,
            FragmentOffset = offset,
            HopLimit = packet[8],
            Protocol = packet[9],
            Source = InternetAddress.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(packet[12..16])),
            Destination = InternetAddress.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(packet[16..20])),
        };
        return true;
    }

    /// <summary>
    /// Writes the header with its checksum: <see cref="Size"/> bytes, or <see cref="SizeWithRouterAlert"/>, or what the source route takes
    /// behind them.
    /// </summary>
    public void Write(Span<byte> destination)
    {
        int size = HasRouterAlert ? SizeWithRouterAlert : Size + (Route?.Size ?? 0);
        int fragment = (IsDontFragment ? DontFragmentFlag : 0) | (HasMoreFragments ? MoreFragmentsFlag : 0) | (FragmentOffset / 8);

        // Once for all that follows.
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Size);
        destination[0] = (byte)(0x40 | (size / 4));
        destination[1] = TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..4], (ushort)TotalLength);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..6], Identification);
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..8], (ushort)fragment);
        destination[8] = HopLimit;
        destination[9] = Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(destination[10..12], 0);
        BinaryPrimitives.WriteUInt32BigEndian(destination[12..16], Source.IPv4);
        BinaryPrimitives.WriteUInt32BigEndian(destination[16..20], (Route?.FirstHop ?? Destination).IPv4);
        Route?.Write(destination[Size..], Destination);
        if (HasRouterAlert)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[Size..], RouterAlert);
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination[10..12], InternetChecksum.Of(InternetChecksum.Add(destination[..size])));
    }
}
