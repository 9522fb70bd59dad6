using System.Buffers.Binary;
using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>An IPv6 packet whose header is in order (RFC 8200).</summary>
internal readonly ref struct Ipv6Packet
{
    public const int HeaderLength = 40;
    public const int FragmentHeaderLength = 8;

    public const byte Fragment = 44;
    public const byte Icmpv6 = 58;

    public ReadOnlySpan<byte> Source { get; private init; }

    public ReadOnlySpan<byte> Destination { get; private init; }

    public byte NextHeader { get; private init; }

    public byte HopLimit { get; private init; }

    public ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>Reads a packet, which padding may follow.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Ipv6Packet packet)
    {
        packet = default;
        if (bytes.Length < HeaderLength || bytes[0] >> 4 != 6)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        if (length > bytes.Length - HeaderLength)
        {
            return false;
        }

        packet = new()
        {
            Source = bytes[8..24],
            Destination = bytes[24..40],
            NextHeader = bytes[6],
            HopLimit = bytes[7],
            Payload = bytes.Slice(HeaderLength, length),
        };
        return true;
    }

    /// <summary>Whether an address is ::, which a station has that has none yet.</summary>
    public static bool IsUnspecified(ReadOnlySpan<byte> address) => !address.ContainsAnyExcept((byte)0);

    public static void WriteHeader(
        Span<byte> packet, ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, byte nextHeader, byte hopLimit, int payloadLength)
    {
        BinaryPrimitives.WriteUInt32BigEndian(packet, 6u << 28);
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)payloadLength);
        packet[6] = nextHeader;
        packet[7] = hopLimit;
        source.CopyTo(packet[8..]);
        destination.CopyTo(packet[24..]);
    }

    /// <summary>The sum of what an ICMPv6 checksum covers beside the message.</summary>
    public static ulong PseudoHeader(ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, int length) =>
        InternetChecksum.Add(source, InternetChecksum.Add(destination, (ulong)length + Icmpv6));
}

/// <summary>
/// Answers neighbour solicitations for our IPv6 address, and ICMPv6 echo requests to it, whole or in fragments. Packets with any other
/// extension header are passed over.
/// </summary>
/// <param name="address">Our address.</param>
/// <param name="outbox">Takes the answers.</param>
internal sealed class Ipv6(byte[] address, Outbox outbox)
{
    private const byte HopsLeft = 64;

    private readonly NeighbourDiscovery _neighbours = new(address, outbox);
    private readonly Reassembler _fragments = new();
    private readonly byte[] _reply = new byte[Reassembler.MaximumLength];
    private uint _lastId;

    private static ReadOnlySpan<byte> Loopback => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

    /// <summary>Echo requests answered.</summary>
    public long Answers { get; private set; }

    /// <summary>Neighbour solicitations answered.</summary>
    public long NeighbourAnswers => _neighbours.Answers;

    public void Receive(in Ethernet frame, bool isChecksumBlank, long now)
    {
        if (!Ipv6Packet.TryRead(frame.Payload, out Ipv6Packet packet)
            || packet.Source[0] == 0xFF
            || packet.Source.SequenceEqual(Loopback)
            || packet.Source.SequenceEqual(address))
        {
            return;
        }

        ReadOnlySpan<byte> message = packet.Payload;
        switch (packet.NextHeader)
        {
            case Ipv6Packet.Icmpv6 when message.Length > 0 && message[0] == NeighbourDiscovery.Solicitation:
                _neighbours.Receive(frame, packet, isChecksumBlank);
                break;

            case Ipv6Packet.Icmpv6:
                Answer(frame, packet, message, isChecksumBlank);
                break;

            // Only what fits into one frame can have been left to hardware to complete.
            case Ipv6Packet.Fragment when packet.Destination.SequenceEqual(address) && TryReassemble(packet, now, out message):
                Answer(frame, packet, message, isChecksumBlank: false);
                break;
        }
    }

    /// <summary>Tells everybody, for those who knew another Ethernet address or another place of ours.</summary>
    public void Announce() => _neighbours.Announce();

    private void Answer(in Ethernet frame, in Ipv6Packet packet, ReadOnlySpan<byte> message, bool isChecksumBlank)
    {
        ulong pseudoHeader = Ipv6Packet.PseudoHeader(packet.Source, packet.Destination, message.Length);
        if (packet.Destination.SequenceEqual(address)
            && !Ethernet.IsGroup(frame.Destination)
            && !Ipv6Packet.IsUnspecified(packet.Source)
            && Echo.TryAnswer(message, Echo.Request6, Echo.Reply6, pseudoHeader, isChecksumBlank, _reply))
        {
            Answers++;
            Send(frame.Source, packet.Source, _reply.AsSpan(0, message.Length));
        }
    }

    private bool TryReassemble(scoped in Ipv6Packet packet, long now, out ReadOnlySpan<byte> message)
    {
        message = default;
        ReadOnlySpan<byte> header = packet.Payload;
        if (header.Length < Ipv6Packet.FragmentHeaderLength || header[0] != Ipv6Packet.Icmpv6)
        {
            return false;
        }

        ushort place = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        ReadOnlySpan<byte> part = header[Ipv6Packet.FragmentHeaderLength..];
        int offset = place & 0xFFF8;
        bool more = (place & 1) != 0;
        if (offset == 0 && !more)
        {
            // A packet in one fragment has nothing to do with others that bear its number (RFC 6946).
            message = part;
            return true;
        }

        FragmentKey key = new(BinaryPrimitives.ReadUInt128BigEndian(packet.Source), BinaryPrimitives.ReadUInt32BigEndian(header[4..]));
        return _fragments.TryComplete(key, offset, more, part, now, out message);
    }

    /// <summary>Sends a message to who asked, in fragments if it has to be.</summary>
    private void Send(ReadOnlySpan<byte> station, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> message)
    {
        int room = outbox.Mtu - Ipv6Packet.HeaderLength;
        if (message.Length <= room)
        {
            Span<byte> packet = outbox.Begin(station, Ethernet.Ipv6);
            Ipv6Packet.WriteHeader(packet, address, destination, Ipv6Packet.Icmpv6, HopsLeft, message.Length);
            message.CopyTo(packet[Ipv6Packet.HeaderLength..]);
            outbox.Send(Ipv6Packet.HeaderLength + message.Length);
            return;
        }

        _lastId++;
        int most = (room - Ipv6Packet.FragmentHeaderLength) / 8 * 8;
        for (int offset = 0; offset < message.Length; offset += most)
        {
            ReadOnlySpan<byte> part = message[offset..Math.Min(offset + most, message.Length)];
            int length = Ipv6Packet.FragmentHeaderLength + part.Length;
            Span<byte> packet = outbox.Begin(station, Ethernet.Ipv6);
            Ipv6Packet.WriteHeader(packet, address, destination, Ipv6Packet.Fragment, HopsLeft, length);
            Span<byte> header = packet[Ipv6Packet.HeaderLength..];
            header[0] = Ipv6Packet.Icmpv6;
            header[1] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(offset | (offset + part.Length < message.Length ? 1 : 0)));
            BinaryPrimitives.WriteUInt32BigEndian(header[4..], _lastId);
            part.CopyTo(header[Ipv6Packet.FragmentHeaderLength..]);
            outbox.Send(Ipv6Packet.HeaderLength + length);
        }
    }
}
