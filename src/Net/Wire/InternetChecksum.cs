using System.Buffers.Binary;

namespace Xenlet.Net;

/// <summary>
/// The checksum of the Internet protocols (RFC 1071): over any bytes, and in frames of TCP and UDP whose checksum is blank and will not be
/// completed elsewhere.
/// </summary>
public static class InternetChecksum
{
    private const byte Tcp = 6;
    private const byte Udp = 17;

    /// <summary>
    /// Completes the checksum of the TCP or UDP packet in a frame, over IPv4 or IPv6. It replaces the content of the field, whether that is
    /// the pseudo header's sum or not.
    /// </summary>
    /// <returns>
    /// False, with the frame unchanged, if there is none to complete: the frame has another protocol, a fragment, an IPv6 packet with
    /// extension headers, or fewer bytes than its headers say.
    /// </returns>
    public static bool TryFill(Span<byte> frame)
    {
        if (!TryFind(frame, out Span<byte> packet, out int field, out ulong pseudoHeader))
        {
            return false;
        }

        packet[field] = 0;
        packet[field + 1] = 0;
        ushort sum = Of(Add(packet, pseudoHeader));

        // In UDP a zero means that there is no checksum; RFC 768 sends a checksum of zero as all ones.
        BinaryPrimitives.WriteUInt16BigEndian(packet[field..], sum == 0 && field == 6 ? (ushort)0xFFFF : sum);
        return true;
    }

    /// <summary>Whether the frame has a TCP or UDP packet with a correct checksum.</summary>
    public static bool IsRight(Span<byte> frame) =>
        TryFind(frame, out Span<byte> packet, out _, out ulong pseudoHeader) && Of(Add(packet, pseudoHeader)) == 0;

    /// <summary>
    /// Writes the sum over the pseudo header into the field, as a frame needs it whose checksum the back end completes.
    /// </summary>
    /// <returns>False as for <see cref="TryFill"/>.</returns>
    public static bool TryFillPseudoHeader(Span<byte> frame)
    {
        if (!TryFind(frame, out Span<byte> packet, out int field, out ulong pseudoHeader))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16BigEndian(packet[field..], Fold(pseudoHeader));
        return true;
    }

    /// <summary>Adds bytes to a sum. All parts of a packet except the last must have an even length.</summary>
    /// <param name="bytes">The bytes, in the order in which they are sent.</param>
    /// <param name="sum">The sum of the other parts, in any order.</param>
    public static ulong Add(ReadOnlySpan<byte> bytes, ulong sum = 0)
    {
        // The sum is in ones' complement, so 32 bits can be added at a time, and the halves at the end. 64 bits can hold the sum of 2^32
        // such numbers.
        for (; bytes.Length >= sizeof(uint); bytes = bytes[sizeof(uint)..])
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(bytes);
        }

        if (bytes.Length >= sizeof(ushort))
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[sizeof(ushort)..];
        }

        return bytes.IsEmpty ? sum : sum + ((ulong)bytes[0] << 8);
    }

    /// <summary>The sum over the pseudo header of TCP, UDP and ICMPv6 (RFC 9293, section 3.1; RFC 8200, section 8.1).</summary>
    /// <param name="source">The sender.</param>
    /// <param name="destination">The receiver.</param>
    /// <param name="protocol">The number of the protocol.</param>
    /// <param name="length">Bytes of the protocol's header and data.</param>
    public static ulong PseudoHeader(InternetAddress source, InternetAddress destination, byte protocol, int length)
    {
        Span<byte> addresses = stackalloc byte[32];
        source.Write(addresses);
        destination.Write(addresses[source.Size..]);
        return Add(addresses[..(2 * source.Size)], (ulong)(protocol + length));
    }

    /// <summary>The sixteen bits that a sum comes to, not complemented: what a field holds that somebody else completes.</summary>
    public static ushort Partial(ulong sum) => Fold(sum);

    /// <summary>The checksum for a sum. For bytes that contain their correct checksum it is 0.</summary>
    public static ushort Of(ulong sum) => (ushort)~Fold(sum);

    /// <summary>Whether the frame has an IPv6 packet.</summary>
    public static bool IsIPv6(ReadOnlySpan<byte> frame) =>
        frame.Length >= EthernetHeader.Size && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == EtherType.IPv6;

    private static bool TryFind(Span<byte> frame, out Span<byte> packet, out int field, out ulong pseudoHeader)
    {
        packet = default;
        field = 0;
        pseudoHeader = 0;
        if (frame.Length < EthernetHeader.Size)
        {
            return false;
        }

        Span<byte> ip = frame[EthernetHeader.Size..];
        byte protocol;
        Span<byte> addresses;
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case EtherType.IPv4:
                if (ip.Length < 20 || ip[0] >> 4 != 4)
                {
                    return false;
                }

                int header = (ip[0] & 15) * 4;
                int total = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
                bool isFragment = (BinaryPrimitives.ReadUInt16BigEndian(ip[6..]) & 0x3FFF) != 0;
                if (header < 20 || total < header || total > ip.Length || isFragment)
                {
                    return false;
                }

                protocol = ip[9];
                addresses = ip[12..20];
                packet = ip[header..total];
                break;
            case EtherType.IPv6:
                int payload = ip.Length < 40 || ip[0] >> 4 != 6 ? -1 : BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
                if (payload < 0 || 40 + payload > ip.Length)
                {
                    return false;
                }

                protocol = ip[6];
                addresses = ip[8..40];
                packet = ip[40..(40 + payload)];
                break;
            default:
                return false;
        }

        field = protocol switch { Tcp => 16, Udp => 6, _ => 0 };
        if (field == 0 || packet.Length < (protocol == Tcp ? 20 : 8))
        {
            return false;
        }

        pseudoHeader = Add(addresses, (ulong)(protocol + packet.Length));
        return true;
    }

    private static ushort Fold(ulong sum)
    {
        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)sum;
    }
}
