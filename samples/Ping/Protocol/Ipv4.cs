using System.Buffers.Binary;
using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>An IPv4 packet whose header is in order (RFC 791).</summary>
internal readonly ref struct Ipv4Packet
{
    public const int HeaderLength = 20;

    private const int MoreFragments = 0x2000;

    public ReadOnlySpan<byte> Source { get; private init; }

    public ReadOnlySpan<byte> Destination { get; private init; }

    public byte Protocol { get; private init; }

    public ushort Id { get; private init; }

    /// <summary>Where in the whole packet's payload this one's lies.</summary>
    public int Offset { get; private init; }

    /// <summary>Fragments follow behind this one.</summary>
    public bool More { get; private init; }

    public ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>Reads a packet, which padding may follow. Options are passed over.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Ipv4Packet packet)
    {
        packet = default;
        if (bytes.Length < HeaderLength || bytes[0] >> 4 != 4)
        {
            return false;
        }

        int header = (bytes[0] & 0xF) * 4;
        int total = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (header < HeaderLength
            || total < header
            || total > bytes.Length
            || InternetChecksum.Of(InternetChecksum.Add(bytes[..header])) != 0)
        {
            return false;
        }

        ushort fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        packet = new()
        {
            Source = bytes[12..16],
            Destination = bytes[16..20],
            Protocol = bytes[9],
            Id = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]),
            Offset = (fragment & 0x1FFF) * 8,
            More = (fragment & MoreFragments) != 0,
            Payload = bytes[header..total],
        };
        return true;
    }

    /// <summary>Writes a header without options.</summary>
    public static void WriteHeader(
        Span<byte> packet, ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, byte protocol, ushort id, int offset, bool more,
        int payloadLength)
    {
        const byte HopsLeft = 64;
        packet[..HeaderLength].Clear();
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)(HeaderLength + payloadLength));
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], id);
        BinaryPrimitives.WriteUInt16BigEndian(packet[6..], (ushort)((offset / 8) | (more ? MoreFragments : 0)));
        packet[8] = HopsLeft;
        packet[9] = protocol;
        source.CopyTo(packet[12..]);
        destination.CopyTo(packet[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], InternetChecksum.Of(InternetChecksum.Add(packet[..HeaderLength])));
    }
}

/// <summary>Answers ICMP echo requests to our IPv4 address, whole or in fragments.</summary>
/// <param name="address">Our address.</param>
/// <param name="outbox">Takes the answers.</param>
internal sealed class Ipv4(byte[] address, Outbox outbox)
{
    private const byte Icmp = 1;

    private readonly Reassembler _fragments = new();
    private readonly byte[] _reply = new byte[Reassembler.MaximumLength];
    private ushort _lastId;

    /// <summary>Echo requests answered.</summary>
    public long Answers { get; private set; }

    public void Receive(in Ethernet frame, bool isChecksumBlank, long now)
    {
        if (!Ipv4Packet.TryRead(frame.Payload, out Ipv4Packet packet)
            || packet.Protocol != Icmp
            || !packet.Destination.SequenceEqual(address)
            || !IsOneStation(packet.Source)
            || packet.Source.SequenceEqual(address))
        {
            return;
        }

        ReadOnlySpan<byte> message = packet.Payload;
        if (packet.More || packet.Offset != 0)
        {
            // Only what fits into one frame can have been left to hardware to complete.
            isChecksumBlank = false;
            FragmentKey key = new(BinaryPrimitives.ReadUInt32BigEndian(packet.Source), packet.Id);
            if (packet.Offset + packet.Payload.Length > Reassembler.MaximumLength - Ipv4Packet.HeaderLength
                || !_fragments.TryComplete(key, packet.Offset, packet.More, packet.Payload, now, out message))
            {
                return;
            }
        }

        if (Echo.TryAnswer(message, Echo.Request, Echo.Reply, pseudoHeader: 0, isChecksumBlank, _reply))
        {
            Answers++;
            Send(frame.Source, packet.Source, _reply.AsSpan(0, message.Length));
        }
    }

    /// <summary>Not 0.0.0.0/8, which is nobody, not 127.0.0.0/8, not a group and not everybody (224.0.0.0 and above).</summary>
    private static bool IsOneStation(ReadOnlySpan<byte> source) => source[0] is not 0 and not 127 and < 224;

    /// <summary>Sends a message to who asked, in fragments if it has to be.</summary>
    private void Send(ReadOnlySpan<byte> station, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> message)
    {
        _lastId++;
        int room = outbox.Mtu - Ipv4Packet.HeaderLength;
        int most = message.Length <= room ? message.Length : room / 8 * 8;
        for (int offset = 0; offset < message.Length; offset += most)
        {
            ReadOnlySpan<byte> part = message[offset..Math.Min(offset + most, message.Length)];
            Span<byte> packet = outbox.Begin(station, Ethernet.Ipv4);
            Ipv4Packet.WriteHeader(packet, address, destination, Icmp, _lastId, offset, offset + part.Length < message.Length, part.Length);
            part.CopyTo(packet[Ipv4Packet.HeaderLength..]);
            outbox.Send(Ipv4Packet.HeaderLength + part.Length);
        }
    }
}
