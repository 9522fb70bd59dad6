using System.Buffers.Binary;
using System.Net;

namespace Xenlet.NetworkPeer;

/// <summary>
/// Frames of somebody who means harm to one host: SYNs, acknowledgments and fragments of strangers, guesses about one connection, forged
/// errors, pings, datagrams to shut ports, questions for hardware addresses, and bytes without sense.
/// </summary>
/// <param name="ours">The hardware address that the frames come from.</param>
/// <param name="theirs">The victim's.</param>
/// <param name="peer">The other end of the victim's connection, which is on its link.</param>
/// <param name="victim">The victim's end.</param>
internal sealed class HostileFrames(byte[] ours, byte[] theirs, IPEndPoint peer, IPEndPoint victim)
{
    private const ushort IPv4 = 0x0800;
    private const ushort IPv6 = 0x86DD;
    private const ushort Arp = 0x0806;
    private const byte Icmp = 1;
    private const byte Tcp = 6;
    private const byte Udp = 17;

    // Of TCP's header.
    private const byte Syn = 2;
    private const byte Reset = 4;
    private const byte Acknowledgment = 16;

    // RFC 2544 keeps 198.18.0.0/15 for such tests.
    private const uint Strangers = 0xC612_0000;

    /// <summary>The frame of a number.</summary>
    public byte[] Make(int number)
    {
        Random random = new(number);
        uint stranger = Strangers + (uint)random.Next(1 << 17);
        ushort port = (ushort)random.Next(1_024, 65_536);
        return (number % 10) switch
        {
            0 or 1 => Packet(stranger, Tcp, Segment(random, stranger, port, Syn, 0)),
            2 => Packet(stranger, Tcp, Segment(random, stranger, port, Acknowledgment, 0)),
            3 => Packet(
                Number(peer), Tcp, Segment(random, Number(peer), (ushort)peer.Port, number % 20 < 10 ? Reset : Acknowledgment, 200)),
            4 => Packet(stranger, Udp, Bytes(random, 600), fragment: (ushort)(0x2000 | (75 * random.Next(3)))),
            5 => Packet(stranger, Icmp, Echo(random)),
            6 => Packet(stranger, Icmp, ForgedError(random)),
            7 => Packet(stranger, Udp, Datagram(random, port)),
            8 => Frame(Arp, Question(random), isForAll: true),
            _ => Frame(random.Next(2) == 0 ? IPv4 : IPv6, Bytes(random, random.Next(46, 200))),
        };
    }

    private static uint Number(IPEndPoint end) => BinaryPrimitives.ReadUInt32BigEndian(end.Address.GetAddressBytes());

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes, uint sum = 0)
    {
        for (int i = 0; i + 1 < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        sum += bytes.Length % 2 == 0 ? 0 : (uint)bytes[^1] << 8;
        sum = (sum >> 16) + (sum & 0xFFFF);
        return (ushort)~(sum + (sum >> 16));
    }

    private byte[] Segment(Random random, uint from, ushort port, byte flags, int length)
    {
        byte[] segment = Bytes(random, 20 + length);
        BinaryPrimitives.WriteUInt16BigEndian(segment, port);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)victim.Port);
        (segment[12], segment[13]) = (5 << 4, flags);
        segment[16] = segment[17] = 0;
        uint to = Number(victim);
        uint pseudo = (from >> 16) + (from & 0xFFFF) + (to >> 16) + (to & 0xFFFF) + Tcp + (uint)segment.Length;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), Checksum(segment, pseudo));
        return segment;
    }

    private static byte[] Echo(Random random)
    {
        byte[] message = Bytes(random, 64);
        (message[0], message[1], message[2], message[3]) = (8, 0, 0, 0);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum(message));
        return message;
    }

    private static byte[] Datagram(Random random, ushort port)
    {
        byte[] datagram = Bytes(random, 60);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), 60);
        datagram[6] = datagram[7] = 0;
        return datagram;
    }

    /// <summary>That the connection's packets are too large, or do not arrive. The sequence number is a guess.</summary>
    private byte[] ForgedError(Random random)
    {
        byte[] message = Bytes(random, 8 + 28);
        (message[0], message[1], message[2], message[3]) = (3, (byte)random.Next(16), 0, 0);
        Span<byte> quoted = message.AsSpan(8);
        WriteHeader(quoted, Number(victim), Number(peer), Tcp, 1_500, 0);
        BinaryPrimitives.WriteUInt16BigEndian(quoted[20..], (ushort)victim.Port);
        BinaryPrimitives.WriteUInt16BigEndian(quoted[22..], (ushort)peer.Port);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum(message));
        return message;
    }

    /// <summary>A stranger of the link asks for the victim's hardware address.</summary>
    private byte[] Question(Random random)
    {
        byte[] packet = new byte[46];
        new byte[] { 0, 1, 8, 0, 6, 4, 0, 1 }.CopyTo(packet, 0);
        ours.CopyTo(packet, 8);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(14), (Number(victim) & ~0xFFu) | (uint)random.Next(10, 250));
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(24), Number(victim));
        return packet;
    }

    private byte[] Packet(uint from, byte protocol, ReadOnlySpan<byte> content, ushort fragment = 0)
    {
        byte[] packet = new byte[Math.Max(20 + content.Length, 46)];
        WriteHeader(packet, from, Number(victim), protocol, 20 + content.Length, fragment);
        content.CopyTo(packet.AsSpan(20));
        return Frame(IPv4, packet);
    }

    private static void WriteHeader(Span<byte> header, uint from, uint to, byte protocol, int length, ushort fragment)
    {
        header[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)from);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], fragment);
        (header[8], header[9]) = (64, protocol);
        BinaryPrimitives.WriteUInt32BigEndian(header[12..], from);
        BinaryPrimitives.WriteUInt32BigEndian(header[16..], to);
        header[10] = header[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], Checksum(header[..20]));
    }

    private byte[] Frame(ushort type, ReadOnlySpan<byte> packet, bool isForAll = false)
    {
        byte[] frame = new byte[14 + packet.Length];
        (isForAll ? [255, 255, 255, 255, 255, 255] : theirs).CopyTo(frame, 0);
        ours.CopyTo(frame, 6);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), type);
        packet.CopyTo(frame.AsSpan(14));
        return frame;
    }
}
