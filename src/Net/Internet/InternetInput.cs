using System.Buffers.Binary;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>Takes frames: everything that another host may have forged is checked here once.</summary>
internal sealed class InternetInput(InternetLayer layer)
{
    private const ushort DhcpClientPort = 68;

    /// <summary>A frame has arrived. Takes the buffer over.</summary>
    public void Receive(IpInterface from, PacketBuffer frame)
    {
        from.Statistics.RxPackets++;
        from.Statistics.RxBytes += frame.Length;
        if (!EthernetHeader.TryRead(frame.Head, out EthernetHeader header))
        {
            from.Statistics.RxErrors++;
            layer.Pool.Return(frame);
            return;
        }

        bool isForMany = header.Destination.IsMulticast;
        from.Statistics.Multicast += isForMany ? 1 : 0;
        if ((!isForMany && header.Destination != from.Link.Address) || header.Source.IsMulticast)
        {
            from.Statistics.RxDropped++;
            layer.Pool.Return(frame);
            return;
        }

        frame.RemoveFront(EthernetHeader.Size);
        switch (header.Type)
        {
            case EtherType.IPv4:
                ReceiveIPv4(from, frame, isForMany);
                break;
            case EtherType.IPv6:
                ReceiveIPv6(from, frame, isForMany);
                break;
            case EtherType.Arp:
                layer.Arp.Receive(from, frame.Data);
                layer.Pool.Return(frame);
                break;
            default:
                from.Statistics.RxDropped++;
                layer.Pool.Return(frame);
                break;
        }
    }

    /// <summary>Hands a whole packet, its IP headers taken off, to whom it is for. Takes the buffer over.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="header">Its header.</param>
    /// <param name="from">The interface by which it came; null from ourselves.</param>
    /// <param name="nextHeaderOffset">Of IPv6: where the packet names the protocol.</param>
    public void Deliver(PacketBuffer packet, in InternetHeader header, IpInterface? from, int nextHeaderOffset = 6)
    {
        bool isIPv4 = header.Source.IsIPv4;
        IpStatistics statistics = layer.StatisticsOf(isIPv4);
        statistics.InDelivers++;
        switch (header.Protocol)
        {
            case ProtocolNumber.Icmp when isIPv4:
                layer.Icmp.Receive(packet, header);
                return;
            case ProtocolNumber.IcmpV6 when !isIPv4:
                layer.IcmpV6.Receive(packet, header, from);
                return;
            case ProtocolNumber.Igmp when isIPv4:
                if (from is not null && GroupMessage.TryReadIgmp(packet.Data, out GroupMessage message))
                {
                    from.Groups.Receive(message, message.Type == GroupMessage.IgmpQuery);
                }

                break;
            case ProtocolNumber.Tcp when !layer.Addresses.IsOurs(header.Destination):
                break;
            default:
                if (layer.TransportOf(header.Protocol) is { } transport)
                {
                    transport.Receive(packet, header);
                    return;
                }

                statistics.InUnknownProtos++;
                statistics.InDelivers--;
                layer.Errors.SendProtocolUnreachable(packet, header, nextHeaderOffset);
                break;
        }

        layer.Pool.Return(packet);
    }

    private void ReceiveIPv4(IpInterface from, PacketBuffer packet, bool isForMany)
    {
        IpStatistics statistics = layer.IPv4;
        statistics.InReceives++;
        SourceRoute? wayBack = null;
        if (!IPv4Header.TryRead(packet.Head, packet.Length, out IPv4Header ip)
            || !IPv4Options.TryRead(packet.Head[IPv4Header.Size..ip.HeaderLength], out ReadOnlySpan<byte> route)
            || (!route.IsEmpty && !TryTakeRoute(route, ip, out wayBack)))
        {
            statistics.InHdrErrors++;
            layer.Pool.Return(packet);
            return;
        }

        if (!IsAcceptable(from, packet, ip, isForMany))
        {
            statistics.InAddrErrors++;
            layer.Pool.Return(packet);
            return;
        }

        packet.Truncate(ip.TotalLength);
        if (ip.IsFragment)
        {
            PacketBuffer? whole = layer.Reassembler.Add(
                new FragmentKey(ip.Source, ip.Destination, ip.Identification, ip.Protocol),
                ip.FragmentOffset,
                ip.HasMoreFragments,
                packet.Data[ip.HeaderLength..],
                packet.Data[..ip.HeaderLength]);
            layer.Pool.Return(packet);
            if (whole is null)
            {
                return;
            }

            packet = whole;
        }
        else
        {
            packet.InternetHeaderLength = ip.HeaderLength;
        }

        packet.RemoveFront(packet.InternetHeaderLength);
        Deliver(
            packet,
            new InternetHeader(ip.Source, ip.Destination, ip.Protocol, ip.HopLimit, ip.TrafficClass, CanFragment: !ip.IsDontFragment)
            {
                InterfaceIndex = from.Index,
                Route = wayBack,
            },
            from);
    }

    /// <summary>
    /// Whether a packet with a source route is taken: its route has come to its end here, since nothing is forwarded, and the stack's owner
    /// allows any.
    /// </summary>
    private bool TryTakeRoute(ReadOnlySpan<byte> route, in IPv4Header ip, out SourceRoute? wayBack)
    {
        wayBack = null;
        return layer.Options.AcceptsSourceRoutes && !ip.Destination.IsMulticast && ip.Destination != InternetAddress.LimitedBroadcast
            && SourceRoute.TryReverse(route, ip.Source, out wayBack);
    }

    private bool IsAcceptable(IpInterface from, PacketBuffer packet, in IPv4Header ip, bool isForMany)
    {
        InternetAddress source = ip.Source;
        if (!layer.Destinations.IsKnownHost(source, from) && (source.IsMulticast || source.IsLoopback || source.IsReserved
            || from.IsBroadcast(source) || layer.Addresses.IsOurs(source)))
        {
            return false;
        }

        InternetAddress destination = ip.Destination;
        if (!isForMany && !source.IsAny && from.FindAddress(destination) is { IsUsable: true })
        {
            return true;
        }

        if (destination.IsMulticast)
        {
            return isForMany && !source.IsAny && from.Groups.IsJoined(destination);
        }

        if (from.IsBroadcast(destination))
        {
            return isForMany;
        }

        // A lease is offered to a host that does not have the address yet. Otherwise it is for somebody else, or a unicast packet in a
        // broadcast frame: an attack, or a loop (RFC 1122, section 3.3.6).
        return from.ExpectsLease && ip.Protocol == ProtocolNumber.Udp && !ip.IsFragment
            && UdpHeader.TryRead(packet.Data[ip.HeaderLength..ip.TotalLength], out UdpHeader udp)
            && udp.DestinationPort == DhcpClientPort;
    }

    private void ReceiveIPv6(IpInterface from, PacketBuffer packet, bool isForMany)
    {
        IpStatistics statistics = layer.IPv6;
        statistics.InReceives++;
        if (!IPv6Header.TryRead(packet.Head, packet.Length, out IPv6Header ip))
        {
            statistics.InHdrErrors++;
            layer.Pool.Return(packet);
            return;
        }

        InternetAddress destination = ip.Destination;
        bool isTaken = destination.IsMulticast
            ? isForMany && from.Groups.IsJoined(destination)
            : !isForMany && from.FindAddress(destination) is { IsUsable: true };
        bool isSourceRight = layer.Destinations.IsKnownHost(ip.Source, from)
            || !(ip.Source.IsMulticast || ip.Source.IsLoopback || layer.Addresses.IsOurs(ip.Source));
        if (!isTaken || !isSourceRight || destination.IsLoopback || from.MtuOf(isIPv4: false) == 0)
        {
            statistics.InAddrErrors++;
            layer.Pool.Return(packet);
            return;
        }

        packet.Truncate(IPv6Header.Size + ip.PayloadLength);
        ReceiveIPv6(from, packet, ip);
    }

    private void ReceiveIPv6(IpInterface from, PacketBuffer packet, in IPv6Header ip)
    {
        bool isMulticast = ip.Destination.IsMulticast;
        if (ip.NextHeader != ProtocolNumber.Tcp)
        {
            // A chain of headers may be longer than a packet's head.
            packet.Settle();
        }

        IPv6HeaderChain chain = IPv6HeaderChain.Walk(packet.Head, IPv6Header.Size, ip.NextHeader, isMulticast);
        IPv6FragmentHeader fragment = default;
        if (chain is { Result: IPv6ChainResult.Whole, Protocol: ProtocolNumber.Fragment })
        {
            fragment = IPv6FragmentHeader.Read(packet.Data[chain.Offset..]);
            int behind = chain.Offset + IPv6FragmentHeader.Size;
            if (!fragment.IsAtomic)
            {
                AddFragment(from, packet, ip, chain, fragment);
                return;
            }

            // The fragment of a whole packet (RFC 6946). No second one may follow.
            chain = IPv6HeaderChain.Walk(packet.Data, behind, fragment.NextHeader, isMulticast);
        }

        InternetHeader header = new(ip.Source, ip.Destination, chain.Protocol, ip.HopLimit, ip.TrafficClass, CanFragment: true)
        {
            InterfaceIndex = from.Index,
        };
        if (chain.Result != IPv6ChainResult.Whole || chain.Protocol == ProtocolNumber.Fragment
            || (ip.Source.IsAny && chain.Protocol != ProtocolNumber.IcmpV6))
        {
            layer.IPv6.InHdrErrors++;
            if (chain.Result == IPv6ChainResult.ParameterProblem)
            {
                SendProblem(packet, header with { Protocol = ProtocolNumber.NoNextHeader }, chain.ProblemCode, chain.Offset);
            }

            layer.Pool.Return(packet);
            return;
        }

        packet.RemoveFront(chain.Offset);
        packet.InternetHeaderLength = chain.Offset;
        Deliver(packet, header, from, chain.NextHeaderOffset);
    }

    private void AddFragment(
        IpInterface from, PacketBuffer packet, in IPv6Header ip, in IPv6HeaderChain chain, in IPv6FragmentHeader fragment)
    {
        ReadOnlySpan<byte> data = packet.Data[(chain.Offset + IPv6FragmentHeader.Size)..];
        bool isWellFormed = true;
        if (fragment.HasMore && data.Length % 8 != 0)
        {
            isWellFormed = false;
            SendProblem(packet, HeaderOfFragment(ip, from), 0, 4);
        }
        else if (fragment.Offset == 0)
        {
            // The first fragment has all headers: filters see what the packet is (RFC 7112).
            IPv6HeaderChain rest = IPv6HeaderChain.Walk(
                packet.Data, chain.Offset + IPv6FragmentHeader.Size, fragment.NextHeader, ip.Destination.IsMulticast);
            isWellFormed = rest is { Result: IPv6ChainResult.Whole, Protocol: not ProtocolNumber.Fragment };
        }

        if (!isWellFormed)
        {
            layer.IPv6.InHdrErrors++;
            layer.Pool.Return(packet);
            return;
        }

        Span<byte> unfragmentable = packet.Data[..chain.Offset];
        unfragmentable[chain.NextHeaderOffset] = fragment.NextHeader;
        PacketBuffer? whole = layer.Reassembler.Add(
            new FragmentKey(
                ip.Source,
                ip.Destination,
                fragment.Identification,
                0), fragment.Offset, fragment.HasMore, data, unfragmentable);
        layer.Pool.Return(packet);
        if (whole is null)
        {
            return;
        }

        BinaryPrimitives.WriteUInt16BigEndian(whole.Data[4..], (ushort)(whole.Length - IPv6Header.Size));
        if (!IPv6Header.TryRead(whole.Data, whole.Length, out IPv6Header assembled))
        {
            layer.Pool.Return(whole);
            return;
        }

        // The fragment header is gone: what follows is walked once more, and must not bring another.
        IPv6HeaderChain parts = IPv6HeaderChain.Walk(
            whole.Data, IPv6Header.Size, assembled.NextHeader, assembled.Destination.IsMulticast);
        if (parts is { Result: IPv6ChainResult.Whole, Protocol: ProtocolNumber.Fragment })
        {
            layer.IPv6.InHdrErrors++;
            layer.Pool.Return(whole);
            return;
        }

        ReceiveIPv6(from, whole, assembled);
    }

    private static InternetHeader HeaderOfFragment(in IPv6Header ip, IpInterface from) =>
        new(ip.Source, ip.Destination, ProtocolNumber.NoNextHeader, ip.HopLimit, ip.TrafficClass, CanFragment: true)
        {
            InterfaceIndex = from.Index,
        };

    /// <summary>Tells the sender which byte of its packet was not understood. The packet's headers are still on it.</summary>
    private void SendProblem(PacketBuffer packet, in InternetHeader header, byte code, int pointer)
    {
        packet.InternetHeaderLength = 0;
        layer.Errors.Send(
            packet, header, new IcmpHeader(IcmpV6Type.ParameterProblem, code, (uint)pointer), isForGroups: code == 2);
    }
}
