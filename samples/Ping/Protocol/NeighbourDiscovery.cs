using System.Buffers.Binary;
using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>Tells who asks which Ethernet address our IPv6 address has (RFC 4861, sections 4.3, 4.4 and 7).</summary>
/// <param name="address">Our IPv6 address.</param>
/// <param name="outbox">Takes the answers.</param>
internal sealed class NeighbourDiscovery(byte[] address, Outbox outbox)
{
    public const byte Solicitation = 135;

    private const byte Advertisement = 136;
    private const byte Solicited = 0x40;
    private const byte Override = 0x20;

    private const byte SourceAddressOption = 1;
    private const byte TargetAddressOption = 2;

    /// <summary>Type, code, checksum, flags, target.</summary>
    private const int HeaderLength = 24;

    /// <summary>Type, length in units of 8 bytes, Ethernet address.</summary>
    private const int OptionLength = 8;

    /// <summary>A router lowers it, so that this one tells a neighbour.</summary>
    private const byte FromNeighbour = 255;

    private static ReadOnlySpan<byte> AllNodes => [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

    private static ReadOnlySpan<byte> AllNodesStation => [0x33, 0x33, 0, 0, 0, 1];

    /// <summary>The group that an address's last three bytes name.</summary>
    private static ReadOnlySpan<byte> SolicitedNode => [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF];

    /// <summary>Solicitations answered.</summary>
    public long Answers { get; private set; }

    public void Receive(in Ethernet frame, in Ipv6Packet packet, bool isChecksumBlank)
    {
        ReadOnlySpan<byte> message = packet.Payload;
        bool isForAll = IsSolicitedNode(packet.Destination);
        if (packet.HopLimit != FromNeighbour
            || message.Length < HeaderLength
            || message[1] != 0
            || !message[8..24].SequenceEqual(address)
            || !(isForAll || packet.Destination.SequenceEqual(address)))
        {
            return;
        }

        ulong pseudoHeader = Ipv6Packet.PseudoHeader(packet.Source, packet.Destination, message.Length);
        if (!isChecksumBlank && InternetChecksum.Of(InternetChecksum.Add(message, pseudoHeader)) != 0)
        {
            return;
        }

        bool hasNoAddress = Ipv6Packet.IsUnspecified(packet.Source);
        if (!TryReadOptions(message[HeaderLength..], out bool namesSource) || (hasNoAddress && (namesSource || !isForAll)))
        {
            return;
        }

        Answers++;
        if (hasNoAddress)
        {
            // Somebody is about to take our address, and has none yet that an answer could go to.
            Advertise(AllNodesStation, AllNodes, Override);
        }
        else
        {
            Advertise(frame.Source, packet.Source, Solicited | Override);
        }
    }

    public void Announce() => Advertise(AllNodesStation, AllNodes, Override);

    private bool IsSolicitedNode(ReadOnlySpan<byte> group) =>
        group.StartsWith(SolicitedNode) && group[13..].SequenceEqual(address.AsSpan(13));

    /// <summary>Walks over the options; false when they do not fill the message exactly.</summary>
    private static bool TryReadOptions(ReadOnlySpan<byte> options, out bool namesSource)
    {
        namesSource = false;
        while (!options.IsEmpty)
        {
            int length = options.Length < 2 ? 0 : options[1] * OptionLength;
            if (length == 0 || length > options.Length)
            {
                return false;
            }

            namesSource |= options[0] == SourceAddressOption;
            options = options[length..];
        }

        return true;
    }

    private void Advertise(ReadOnlySpan<byte> station, ReadOnlySpan<byte> destination, byte flags)
    {
        const int Length = HeaderLength + OptionLength;
        Span<byte> packet = outbox.Begin(station, Ethernet.Ipv6);
        Ipv6Packet.WriteHeader(packet, address, destination, Ipv6Packet.Icmpv6, FromNeighbour, Length);
        Span<byte> message = packet.Slice(Ipv6Packet.HeaderLength, Length);
        message.Clear();
        message[0] = Advertisement;
        message[4] = flags;
        address.CopyTo(message[8..]);
        message[24] = TargetAddressOption;
        message[25] = 1;
        outbox.Own.CopyTo(message[26..]);
        ulong sum = InternetChecksum.Add(message, Ipv6Packet.PseudoHeader(address, destination, Length));
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], InternetChecksum.Of(sum));
        outbox.Send(Ipv6Packet.HeaderLength + Length);
    }
}
