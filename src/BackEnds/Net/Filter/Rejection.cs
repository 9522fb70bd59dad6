using Xenlet.Drivers;
using Xenlet.Net;
using Xenlet.Net.Tcp;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>
/// Tells the sender of a rejected packet: by a reset of TCP (RFC 9293, section 3.10.7.1), or by the ICMP error "communication
/// administratively prohibited" (RFC 1812, section 5.2.7.1; RFC 4443, section 3.1). A switch has no address, so it says so under that of
/// the packet's receiver.
/// </summary>
internal static class Rejection
{
    private const byte HopLimit = 64;
    private const byte AdministrativelyProhibited = 13;

    /// <summary>The longest IPv4 error: what every host takes as a whole (RFC 1812, section 4.3.2.3).</summary>
    private const int MostIPv4 = 576;

    /// <summary>The longest IPv6 error: what every link takes (RFC 4443, section 2.4).</summary>
    private const int MostIPv6 = 1280;

    /// <summary>Writes the answer to a frame over it.</summary>
    /// <returns>
    /// False, with the frame unchanged, if nothing is said: of what is a reset or an error itself, of packets to groups, of fragments that
    /// are not the first.
    /// </returns>
    public static bool TryWrite(FrameBuffer frame)
    {
        if (!EthernetHeader.TryRead(frame.Data, out EthernetHeader header))
        {
            return false;
        }

        FilterPacket packet = FilterPacket.Read(header, frame.Data);
        if (packet.Kind is not (PacketKind.Whole or PacketKind.FirstFragment)
            || packet.IsToGroup || packet.IsIcmpError || packet.Flow.Local.Address.IsAny)
        {
            return false;
        }

        if (packet.Protocol != ProtocolNumber.Tcp)
        {
            WriteError(frame, packet);
        }
        else if ((packet.Tcp.Flags & TcpFlags.Rst) == 0)
        {
            WriteReset(frame, packet);
        }
        else
        {
            return false;
        }

        new EthernetHeader(header.Source, header.Destination, header.Type).Write(frame.Data);
        frame.IsChecksumBlank = false;
        frame.IsChecksumValidated = false;
        frame.SegmentKind = SegmentKind.None;
        frame.SegmentSize = 0;
        return true;
    }

    private static void WriteReset(FrameBuffer frame, in FilterPacket packet)
    {
        bool hasAcknowledgment = (packet.Tcp.Flags & TcpFlags.Ack) != 0;
        bool hasControl = (packet.Tcp.Flags & (TcpFlags.Syn | TcpFlags.Fin)) != 0;
        TcpHeader reset = new(
            packet.Tcp.DestinationPort,
            packet.Tcp.SourcePort,
            hasAcknowledgment ? packet.Tcp.Acknowledgment : default,
            hasAcknowledgment ? default : packet.Tcp.Sequence + packet.DataLength + (hasControl ? 1 : 0),
            hasAcknowledgment ? TcpFlags.Rst : TcpFlags.Rst | TcpFlags.Ack,
            Window: 0,
            UrgentPointer: 0,
            TcpHeader.FixedSize);
        reset.Write(WriteHeader(frame, packet, ProtocolNumber.Tcp, TcpHeader.FixedSize));
        InternetChecksum.TryFill(frame.Data);
    }

    private static void WriteError(FrameBuffer frame, in FilterPacket packet)
    {
        bool isIPv4 = packet.Flow.Local.Address.IsIPv4;
        int most = isIPv4 ? MostIPv4 - IPv4Header.Size : MostIPv6 - IPv6Header.Size;
        int quoted = Math.Min(packet.End - EthernetHeader.Size, most - IcmpHeader.Size);
        Span<byte> copy = stackalloc byte[MostIPv6];
        frame.Data.Slice(EthernetHeader.Size, quoted).CopyTo(copy);

        byte protocol = isIPv4 ? ProtocolNumber.Icmp : ProtocolNumber.IcmpV6;
        Span<byte> message = WriteHeader(frame, packet, protocol, IcmpHeader.Size + quoted);
        IcmpHeader icmp = isIPv4 ? new(IcmpType.DestinationUnreachable, AdministrativelyProhibited, 0)
            : new(IcmpV6Type.DestinationUnreachable, IcmpV6Type.Prohibited, 0);
        icmp.Write(message);
        copy[..quoted].CopyTo(message[IcmpHeader.Size..]);
        ulong pseudoHeader = isIPv4 ? 0
            : InternetChecksum.PseudoHeader(packet.Flow.Remote.Address, packet.Flow.Local.Address, protocol, message.Length);
        IcmpHeader.WriteChecksum(message, pseudoHeader);
    }

    /// <summary>Writes the IP header of the answer.</summary>
    /// <returns>The room behind it.</returns>
    private static Span<byte> WriteHeader(FrameBuffer frame, in FilterPacket packet, byte protocol, int length)
    {
        bool isIPv4 = packet.Flow.Local.Address.IsIPv4;
        int offset = EthernetHeader.Size + (isIPv4 ? IPv4Header.Size : IPv6Header.Size);
        frame.Length = offset + length;
        Span<byte> ip = frame.Data[EthernetHeader.Size..];
        if (isIPv4)
        {
            new IPv4Header
            {
                TotalLength = ip.Length,
                IsDontFragment = true,
                HopLimit = HopLimit,
                Protocol = protocol,
                Source = packet.Flow.Remote.Address,
                Destination = packet.Flow.Local.Address,
            }.Write(ip);
        }
        else
        {
            new IPv6Header
            {
                PayloadLength = length,
                NextHeader = protocol,
                HopLimit = HopLimit,
                Source = packet.Flow.Remote.Address,
                Destination = packet.Flow.Local.Address,
            }.Write(ip);
        }

        return frame.Data[offset..];
    }
}
