using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>ICMPv6 (RFC 4443): errors, echo, and the messages of neighbours, routers and groups.</summary>
internal sealed class IcmpV6Layer(InternetLayer layer)
{
    private IcmpStatistics Statistics => layer.IcmpV6Statistics;

    /// <summary>A message has arrived. Takes the buffer over.</summary>
    /// <param name="packet">The message.</param>
    /// <param name="header">Its IP header.</param>
    /// <param name="from">The interface by which it came; null from ourselves.</param>
    public void Receive(PacketBuffer packet, in InternetHeader header, IpInterface? from)
    {
        Statistics.InMsgs++;
        ReadOnlySpan<byte> message = packet.Data;
        ulong pseudoHeader = InternetChecksum.PseudoHeader(
            header.Source, header.Destination, ProtocolNumber.IcmpV6, message.Length);
        if (InternetChecksum.Of(InternetChecksum.Add(message, pseudoHeader)) != 0)
        {
            Statistics.InCsumErrors++;
        }
        else if (!IcmpHeader.TryRead(message, out IcmpHeader icmp))
        {
            Statistics.InErrors++;
        }
        else if (icmp.Type == IcmpV6Type.EchoRequest)
        {
            Statistics.CountReceived(icmp.Type);
            Statistics.InEchos++;
            Answer(packet, header);
            return;
        }
        else
        {
            Statistics.CountReceived(icmp.Type);
            Handle(message, icmp, header, from);
        }

        layer.Pool.Return(packet);
    }

    /// <summary>Sends a message whose checksum is zero so far, by an interface. Takes the buffer over.</summary>
    /// <param name="by">The interface.</param>
    /// <param name="packet">The message.</param>
    /// <param name="source">Our address, or any while we have none.</param>
    /// <param name="destination">A group or a neighbour.</param>
    /// <param name="hopLimit">The hop limit.</param>
    /// <param name="hardware">The receiver's hardware address when it is known.</param>
    public void SendOn(
        IpInterface by, PacketBuffer packet, InternetAddress source, InternetAddress destination, byte hopLimit, MacAddress? hardware)
    {
        IcmpHeader.WriteChecksum(
            packet.Data, InternetChecksum.PseudoHeader(source, destination, ProtocolNumber.IcmpV6, packet.Length));
        Statistics.CountSent(packet.Data[0]);
        layer.IPv6.OutRequests++;
        new IPv6Header
        {
            PayloadLength = packet.Length,
            NextHeader = ProtocolNumber.IcmpV6,
            HopLimit = hopLimit,
            Source = source,
            Destination = destination,
        }.Write(packet.Prepend(IPv6Header.Size));
        if (hardware is null && !destination.IsMulticast)
        {
            by.Neighbours.Send(packet, destination);
        }
        else
        {
            by.SendPacket(packet, hardware ?? MacAddress.OfGroup(destination));
        }
    }

    private void Handle(ReadOnlySpan<byte> message, in IcmpHeader icmp, in InternetHeader header, IpInterface? from)
    {
        switch (icmp.Type)
        {
            case IcmpV6Type.DestinationUnreachable:
                Statistics.InDestUnreachs++;
                OnError(message, header, icmp.Code switch
                {
                    0 => IcmpErrorKind.NetworkUnreachable,
                    IcmpV6Type.PortUnreachable => IcmpErrorKind.PortUnreachable,
                    _ => IcmpErrorKind.HostUnreachable,
                });
                break;
            case IcmpV6Type.PacketTooBig:
                Statistics.InPktTooBigs++;
                OnError(message, header, IcmpErrorKind.PacketTooBig, (int)Math.Min(icmp.Rest, int.MaxValue));
                break;
            case IcmpV6Type.TimeExceeded:
                Statistics.InTimeExcds++;
                OnError(message, header, IcmpErrorKind.TimeExceeded);
                break;
            case IcmpV6Type.ParameterProblem:
                Statistics.InParmProbs++;
                OnError(message, header, icmp.Code == IcmpV6Type.UnrecognisedNextHeader
                    ? IcmpErrorKind.ProtocolUnreachable
                    : IcmpErrorKind.ParameterProblem);
                break;
            case IcmpV6Type.EchoReply:
                Statistics.InEchoReps++;
                break;
            case IcmpV6Type.MulticastListenerQuery or IcmpV6Type.MulticastListenerReport:
                if (from is not null && header.Source.IsIPv6LinkLocal && header.HopLimit == 1
                    && GroupMessage.TryReadMld(message, out GroupMessage group))
                {
                    from.Groups.Receive(group, group.Type == IcmpV6Type.MulticastListenerQuery);
                }

                break;
            case >= IcmpV6Type.RouterSolicitation and <= IcmpV6Type.Redirect when from is not null:
                layer.Discovery.Receive(from, message, header);
                break;
        }
    }

    private void OnError(ReadOnlySpan<byte> message, in InternetHeader header, IcmpErrorKind kind, int mtu = 0) =>
        layer.Errors.OnQuoted(message[IcmpHeader.Size..], kind, new IcmpOrigin(header.Source, message[0], message[1]), mtu);

    private void Answer(PacketBuffer packet, in InternetHeader header)
    {
        // A group's echo is answered from an address of ours (RFC 4443, section 4.2).
        InternetAddress source = header.Destination;
        if (header.Source.IsAny
            || (source.IsMulticast && !layer.Output.TrySelectSource(header.Source, header.InterfaceIndex, out source)))
        {
            layer.Pool.Return(packet);
            return;
        }

        Statistics.OutEchoReps++;
        Statistics.CountSent(IcmpV6Type.EchoReply);
        Span<byte> message = packet.Data;
        message[0] = IcmpV6Type.EchoReply;
        message[1] = 0;
        message[2] = message[3] = 0;
        IcmpHeader.WriteChecksum(
            message, InternetChecksum.PseudoHeader(source, header.Source, ProtocolNumber.IcmpV6, message.Length));
        packet.Offload = default;
        layer.Output.Send(packet, new InternetHeader(
            source, header.Source, ProtocolNumber.IcmpV6, HopLimit: 0, header.TrafficClass, CanFragment: true)
        {
            InterfaceIndex = header.Source.IsIPv6LinkLocal ? header.InterfaceIndex : 0,
        });
    }
}
