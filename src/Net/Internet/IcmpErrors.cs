using Xenlet.Net.Base;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>Errors of ICMP and ICMPv6: those that we send, and what those say that arrive.</summary>
internal sealed class IcmpErrors(InternetLayer layer)
{
    /// <summary>An error of IPv4 is at most this long (RFC 1812, section 4.3.2.3), IP header included.</summary>
    private const int LargestIPv4Error = 576;

    /// <summary>Errors are sent at most 200 a second, and 50 at once.</summary>
    private readonly TokenBucket _limit = new(50, 5 * StackTime.Millisecond);

    /// <summary>Tells the sender of a packet that nobody listens at the port. The buffer stays the caller's.</summary>
    public void SendPortUnreachable(PacketBuffer packet, in InternetHeader header) => Send(
        packet,
        header,
        header.Source.IsIPv4
            ? new(IcmpType.DestinationUnreachable, IcmpType.PortUnreachable, 0)
            : new(IcmpV6Type.DestinationUnreachable, IcmpV6Type.PortUnreachable, 0));

    /// <summary>Tells the sender of a packet that nobody here speaks its protocol. The buffer stays the caller's.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="header">Its header.</param>
    /// <param name="nextHeaderOffset">Of IPv6: where the packet names the protocol.</param>
    public void SendProtocolUnreachable(PacketBuffer packet, in InternetHeader header, int nextHeaderOffset) => Send(
        packet,
        header,
        header.Source.IsIPv4
            ? new(IcmpType.DestinationUnreachable, IcmpType.ProtocolUnreachable, 0)
            : new(IcmpV6Type.ParameterProblem, IcmpV6Type.UnrecognisedNextHeader, (uint)nextHeaderOffset));

    /// <summary>
    /// Sends an error about a packet whose IP headers have been taken off, when it may be answered by one: not an error itself, and from
    /// one host to one (RFC 1122, section 3.2.2; RFC 4443, section 2.4). The buffer stays the caller's.
    /// </summary>
    /// <param name="packet">The packet.</param>
    /// <param name="header">Its header.</param>
    /// <param name="error">The error's header.</param>
    /// <param name="isForGroups">Whether the error answers packets to groups too.</param>
    public void Send(PacketBuffer packet, in InternetHeader header, in IcmpHeader error, bool isForGroups = false)
    {
        bool isIPv4 = header.Source.IsIPv4;
        InternetAddress source = header.Destination;
        if (header.Source.IsAny || header.Source.IsMulticast || header.Source.IsLoopback != header.Destination.IsLoopback
            || IsError(packet.Data, header.Protocol))
        {
            return;
        }

        if (!layer.Addresses.IsOurs(source)
            && !(isForGroups && source.IsMulticast && layer.Output.TrySelectSource(header.Source, header.InterfaceIndex, out source)))
        {
            return;
        }

        IcmpStatistics statistics = isIPv4 ? layer.IcmpStatistics : layer.IcmpV6Statistics;
        if (!_limit.TryTake(layer.Clock.Now))
        {
            statistics.OutRateLimitGlobal++;
            return;
        }

        Count(statistics, isIPv4, error.Type);
        int largest = isIPv4
            ? LargestIPv4Error - IPv4Header.Size - IcmpHeader.Size
            : IpInterface.SmallestIPv6Mtu - IPv6Header.Size - IcmpHeader.Size;
        int headerLength = packet.InternetHeaderLength;
        packet.Prepend(headerLength);
        ReadOnlySpan<byte> quoted = packet.Data[..Math.Min(packet.Length, largest)];
        PacketBuffer message = layer.Pool.Rent(IcmpHeader.Size + quoted.Length);
        error.Write(message.Append(IcmpHeader.Size));
        quoted.CopyTo(message.Append(quoted.Length));
        packet.RemoveFront(headerLength);

        byte protocol = isIPv4 ? ProtocolNumber.Icmp : ProtocolNumber.IcmpV6;
        IcmpHeader.WriteChecksum(
            message.Data, isIPv4 ? 0 : InternetChecksum.PseudoHeader(source, header.Source, protocol, message.Length));
        layer.Output.Send(message, new InternetHeader(source, header.Source, protocol, HopLimit: 0, TrafficClass: 0, CanFragment: true)
        {
            InterfaceIndex = header.Source.IsIPv6LinkLocal ? header.InterfaceIndex : 0,
        });
    }

    /// <summary>An error has arrived: it goes to the transport whose packet it quotes, if an address of ours has sent it.</summary>
    public void OnQuoted(ReadOnlySpan<byte> quoted, IcmpErrorKind kind, in IcmpOrigin origin, int mtu)
    {
        bool isIPv4 = origin.Offender.IsIPv4;
        if (!QuotedPacket.TryRead(quoted, isIPv4, out QuotedPacket packet) || !layer.Addresses.IsOurs(packet.Flow.Local.Address))
        {
            return;
        }

        if (kind == IcmpErrorKind.PacketTooBig)
        {
            mtu = PathMtuCache.Limit(mtu, packet.Length, isIPv4);
        }

        bool isOurs = layer.TransportOf(packet.Protocol)
            ?.OnError(
                new IcmpError(kind, packet.Flow, packet.SequenceNumber, mtu) { Origin = origin }, quoted[packet.PayloadOffset..])
            ?? false;
        if (isOurs && kind == IcmpErrorKind.PacketTooBig)
        {
            layer.PathMtus.Lower(packet.Flow.Remote.Address, mtu);
        }
    }

    /// <summary>The neighbour did not answer to which a packet of ours should have gone. The buffer stays the caller's.</summary>
    public void OnNeighbourFailed(PacketBuffer packet)
    {
        // As on Linux, it is told by ourselves.
        ReadOnlySpan<byte> data = packet.Data;
        IcmpOrigin origin = data[0] >> 4 == 4
            ? new(InternetAddress.Read(data[12..16]), IcmpType.DestinationUnreachable, IcmpType.HostUnreachable)
            : new(InternetAddress.Read(data[8..24]), IcmpV6Type.DestinationUnreachable, IcmpV6Type.AddressUnreachable);
        OnQuoted(data, IcmpErrorKind.NeighbourUnreachable, origin, 0);
    }

    private static bool IsError(ReadOnlySpan<byte> message, byte protocol) => protocol switch
    {
        ProtocolNumber.Icmp => message.IsEmpty || message[0] is not (IcmpType.EchoRequest or IcmpType.EchoReply),
        ProtocolNumber.IcmpV6 => message.IsEmpty || message[0] < IcmpV6Type.EchoRequest || message[0] == IcmpV6Type.Redirect,
        _ => false,
    };

    private static void Count(IcmpStatistics statistics, bool isIPv4, byte type)
    {
        statistics.CountSent(type);
        switch (type)
        {
            case IcmpType.DestinationUnreachable when isIPv4:
            case IcmpV6Type.DestinationUnreachable when !isIPv4:
                statistics.OutDestUnreachs++;
                break;
            case IcmpType.TimeExceeded when isIPv4:
            case IcmpV6Type.TimeExceeded when !isIPv4:
                statistics.OutTimeExcds++;
                break;
            default:
                statistics.OutParmProbs++;
                break;
        }
    }
}
