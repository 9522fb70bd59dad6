using System.Buffers.Binary;

namespace Xenlet.Drivers;

/// <summary>The checksum of TCP and UDP (RFC 1071), for frames in which it was left blank and that go where nobody will do it.</summary>
public static class InternetChecksum
{
    private const int EtherTypeIPv4 = 0x0800;
    private const int EtherTypeIPv6 = 0x86DD;
    private const byte Tcp = 6;
    private const byte Udp = 17;

    /// <summary>
    /// Completes the checksum of the TCP or UDP packet in a frame, over IPv4 or IPv6. What stands in the field, the pseudo header's sum or anything else, is replaced.
    /// </summary>
    /// <returns>
    /// False, and nothing is changed, when there is none to be done: the frame holds something else, a fragment, an IPv6 packet with extension headers, or less than its headers say.
    /// </returns>
    public static bool TryFill(Span<byte> frame)
    {
        if (!TryFind(frame, out Span<byte> packet, out int field, out uint pseudoHeader))
        {
            return false;
        }

        packet[field] = 0;
        packet[field + 1] = 0;
        ushort sum = (ushort)~Fold(Add(packet, pseudoHeader));

        // In UDP a zero says that there is no checksum; RFC 768 has its other form for a sum of zero.
        BinaryPrimitives.WriteUInt16BigEndian(packet[field..], sum == 0 && field == 6 ? (ushort)0xFFFF : sum);
        return true;
    }

    /// <summary>Whether the frame holds a TCP or UDP packet whose checksum is right.</summary>
    public static bool IsRight(Span<byte> frame) =>
        TryFind(frame, out Span<byte> packet, out _, out uint pseudoHeader) && Fold(Add(packet, pseudoHeader)) == 0xFFFF;

    /// <summary>Puts the sum over the pseudo header into the field, as a frame has to have it whose checksum is left to the back end.</summary>
    /// <returns>False as of <see cref="TryFill"/>.</returns>
    public static bool TryFillPseudoHeader(Span<byte> frame)
    {
        if (!TryFind(frame, out Span<byte> packet, out int field, out uint pseudoHeader))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16BigEndian(packet[field..], Fold(pseudoHeader));
        return true;
    }

    /// <summary>Whether the frame holds IPv6.</summary>
    internal static bool IsIPv6(ReadOnlySpan<byte> frame) =>
        frame.Length >= NetProtocol.HeaderSize && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == EtherTypeIPv6;

    private static bool TryFind(Span<byte> frame, out Span<byte> packet, out int field, out uint pseudoHeader)
    {
        packet = default;
        field = 0;
        pseudoHeader = 0;
        if (frame.Length < NetProtocol.HeaderSize)
        {
            return false;
        }

        Span<byte> ip = frame[NetProtocol.HeaderSize..];
        byte protocol;
        Span<byte> addresses;
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case EtherTypeIPv4:
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
            case EtherTypeIPv6:
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

        pseudoHeader = Add(addresses, (uint)(protocol + packet.Length));
        return true;
    }

    /// <summary>Adds 16 bits at a time. A frame has at most 65535 bytes, so 32 bits hold the sum.</summary>
    private static uint Add(ReadOnlySpan<byte> bytes, uint sum)
    {
        sum = Fold(sum);
        int i = 0;
        for (; i + 1 < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        return i < bytes.Length ? sum + (uint)(bytes[i] << 8) : sum;
    }

    private static ushort Fold(uint sum)
    {
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)((sum & 0xFFFF) + (sum >> 16));
    }
}
