using System.Buffers.Binary;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>Sends packets: to ourselves, to a neighbour, over a router, or to a group; in fragments where that is allowed.</summary>
internal sealed class InternetOutput(InternetLayer layer) : IInternetOutput
{
    public PacketPool Pool => layer.Pool;

    /// <summary>Whether the interface's device completes the checksum of a TCP or UDP packet.</summary>
    public static bool CompletesChecksum(IpInterface output, bool isIPv4) =>
        (output.Link.Offloads & (isIPv4 ? LinkOffloads.ChecksumIPv4 : LinkOffloads.ChecksumIPv6)) != 0;

    /// <summary>Whether the interface's device cuts TCP packets into segments.</summary>
    public static bool CanSegment(IpInterface output, bool isIPv4) =>
        (output.Link.Offloads & (isIPv4 ? LinkOffloads.SegmentationIPv4 : LinkOffloads.SegmentationIPv6)) != 0;

    public bool TrySelectSource(InternetAddress remote, out InternetAddress local) => TrySelectSource(remote, 0, out local);

    public bool TrySelectSource(InternetAddress remote, int interfaceIndex, out InternetAddress local)
    {
        local = default;
        if (layer.Addresses.IsOurs(remote))
        {
            local = !remote.IsLoopback ? remote : remote.IsIPv4 ? InternetAddress.FromIPv4(0x7F00_0001) : remote;
            return true;
        }

        if (FindOutput(remote, interfaceIndex, out _) is not { } output || SelectSourceOn(output, remote) is not { } source)
        {
            return false;
        }

        local = source;
        return true;
    }

    /// <summary>
    /// Our address for packets to a destination by an interface; another interface's when it has none, and null without any.
    /// </summary>
    public InternetAddress? SelectSourceOn(IpInterface output, InternetAddress destination)
    {
        if (SourceSelection.Choose(output, destination) is { } own)
        {
            return own.Address;
        }

        foreach (IpInterface each in layer.Interfaces)
        {
            if (SourceSelection.Choose(each, destination) is { Address.IsLinkLocal: false } other)
            {
                return other.Address;
            }
        }

        return null;
    }

    /// <summary>The interface by which packets to a group leave when nobody has chosen one; null without a route.</summary>
    public IpInterface? FindGroupOutput(InternetAddress group) => FindOutput(group, 0, out _);

    public int PathMtu(InternetAddress remote, int interfaceIndex = 0)
    {
        if (layer.Addresses.IsOurs(remote))
        {
            return PacketBuffer.LargestPacket;
        }

        IpInterface? output = FindOutput(remote, interfaceIndex, out _);
        int mtu = output?.MtuOf(remote.IsIPv4) ?? 0;
        return mtu == 0 ? SmallestMtu(remote.IsIPv4) : layer.PathMtus.Get(remote, mtu);
    }

    public bool CanSegment(InternetAddress remote, int interfaceIndex = 0) => !layer.Addresses.IsOurs(remote)
        && FindOutput(remote, interfaceIndex, out _) is { } output && CanSegment(output, remote.IsIPv4);

    public void ConfirmReachable(InternetAddress remote, int interfaceIndex = 0)
    {
        if (!layer.Addresses.IsOurs(remote) && FindOutput(remote, interfaceIndex, out InternetAddress nextHop) is { } output)
        {
            output.Neighbours.ConfirmReachable(nextHop);
        }
    }

    public void Doubt(InternetAddress remote, int interfaceIndex = 0)
    {
        if (!layer.Addresses.IsOurs(remote) && FindOutput(remote, interfaceIndex, out InternetAddress nextHop) is { } output)
        {
            output.Neighbours.Doubt(nextHop);
            layer.Redirects.Forget(remote);
        }
    }

    /// <summary>
    /// Whether a packet to a destination finds room, by an interface that the caller has chosen; 0 when it has not. Transports that are
    /// answered no are told when there is some.
    /// </summary>
    public bool HasRoom(InternetAddress destination, int interfaceIndex) => layer.Addresses.IsOurs(destination)
        ? layer.Loopback.HasRoom()
        : FindOutput(destination, interfaceIndex, out _)?.HasRoom() ?? true;

    public InternetSendResult Send(PacketBuffer packet, in InternetHeader header)
    {
        InternetAddress destination = header.Destination;
        IpStatistics statistics = layer.StatisticsOf(destination.IsIPv4);
        statistics.OutRequests++;
        InternetHeader complete = header with { HopLimit = header.HopLimit == 0 ? layer.Options.HopLimit : header.HopLimit };
        InternetAddress towards = header.Route?.FirstHop ?? destination;
        if (header.Route is null && layer.Addresses.IsOurs(destination))
        {
            return SendToOurselves(packet, complete);
        }

        if (layer.Addresses.IsSuspended(header.Source))
        {
            layer.Pool.Return(packet);
            return InternetSendResult.NoRoom;
        }

        // What says that it comes from a loopback address never leaves the machine.
        int interfaceIndex = header.InterfaceIndex != 0 || !(destination.IsLinkLocal || destination.IsMulticast)
            ? header.InterfaceIndex
            : layer.Addresses.FindUsable(header.Source)?.Interface.Index ?? 0;
        IpInterface? output = FindOutput(towards, interfaceIndex, out InternetAddress nextHop);
        int mtu = output?.MtuOf(destination.IsIPv4) ?? 0;
        if (output is null || mtu == 0 || header.Source.IsLoopback || !CanBegin(header.Route, output, nextHop))
        {
            statistics.OutNoRoutes++;
            layer.Pool.Return(packet);
            return InternetSendResult.NoRoute;
        }

        if (header.HopLimit == 0 && !destination.IsIPv4 && output.RouterHopLimit != 0)
        {
            complete = complete with { HopLimit = output.RouterHopLimit };
        }

        bool isForMany = destination.IsMulticast || output.IsBroadcast(destination);
        if (isForMany && header.IsLoopedBack && (!destination.IsMulticast || output.Groups.IsJoined(destination)))
        {
            SendCopyToOurselves(packet, complete with { InterfaceIndex = output.Index });
        }

        mtu = layer.PathMtus.Get(towards, mtu);
        return SendBy(output, packet, complete, isForMany ? null : nextHop, mtu);
    }

    /// <summary>
    /// Whether a source route may begin by an interface: its first hop is one host, not this one, and a neighbour if it is strict. Whoever
    /// sends a packet here has written the way back.
    /// </summary>
    private bool CanBegin(SourceRoute? route, IpInterface output, InternetAddress nextHop) => route is null
        || (route.FirstHop is { IsAny: false, IsMulticast: false, IsLoopback: false } first && !output.IsBroadcast(first)
            && !layer.Addresses.IsOurs(first) && (!route.IsStrict || nextHop == first));

    private static int SmallestMtu(bool isIPv4) => isIPv4 ? PathMtuCache.SmallestIPv4 : IpInterface.SmallestIPv6Mtu;

    private static int HeaderSize(bool isIPv4) => isIPv4 ? IPv4Header.Size : IPv6Header.Size;

    private static int HeaderSize(in InternetHeader header) => HeaderSize(header.Destination.IsIPv4) + (header.Route?.Size ?? 0);

    /// <summary>Completes the checksum of a TCP or UDP packet, whose field has the pseudo header's sum.</summary>
    private static void CompleteChecksum(PacketBuffer packet, byte protocol)
    {
        if (InternetLayer.HasTransportChecksum(protocol))
        {
            Span<byte> data = packet.Data;
            ushort checksum = InternetChecksum.Of(InternetChecksum.Add(data));

            // In UDP a zero says that there is no checksum; RFC 768 has its other form for a sum of zero.
            int field = protocol == ProtocolNumber.Udp ? UdpHeader.ChecksumOffset : 16;
            BinaryPrimitives.WriteUInt16BigEndian(
                data[field..], checksum == 0 && protocol == ProtocolNumber.Udp ? (ushort)0xFFFF : checksum);
        }

        packet.Offload = default;
    }

    /// <summary>The interface for a destination and the neighbour to which its packets go; null without a route.</summary>
    private IpInterface? FindOutput(InternetAddress destination, int interfaceIndex, out InternetAddress nextHop)
    {
        nextHop = destination;
        bool isForLink = destination.IsMulticast || destination == InternetAddress.LimitedBroadcast;
        if (isForLink && interfaceIndex != 0)
        {
            return layer.FindInterface(interfaceIndex);
        }

        if (layer.Routes.Lookup(destination, layer.Clock.Now, interfaceIndex) is { } route)
        {
            nextHop = route.Gateway is { } router ? layer.Redirects.NextHop(destination, route, router) : destination;
            return route.Interface;
        }

        // As on Linux, what no route leads to by the interface that was chosen is a neighbour there.
        if (destination.IsIPv4 && interfaceIndex != 0)
        {
            return layer.FindInterface(interfaceIndex);
        }

        // As on Linux, each link is a route for groups of IPv6, and none for those of IPv4.
        return destination.IsMulticast && !destination.IsIPv4 && layer.Interfaces.Count > 0 ? layer.Interfaces[0] : null;
    }

    private InternetSendResult SendBy(IpInterface output, PacketBuffer packet, in InternetHeader header, InternetAddress? nextHop, int mtu)
    {
        bool isIPv4 = header.Destination.IsIPv4;
        int headerSize = HeaderSize(header);
        if (packet.Offload.SegmentSize > 0)
        {
            int segment = headerSize + ((packet.Head[12] >> 4) * 4) + packet.Offload.SegmentSize;
            if (segment > mtu || !CanSegment(output, isIPv4) || headerSize + packet.Length > PacketBuffer.LargestPacket)
            {
                return Refuse(packet, isIPv4);
            }
        }
        else if (headerSize + packet.Length > mtu)
        {
            return header.CanFragment ? SendFragments(output, packet, header, nextHop, mtu) : Refuse(packet, isIPv4);
        }

        // What a device makes of a destination in an option is not known.
        if (!InternetLayer.HasTransportChecksum(header.Protocol) || header.Route is not null || !CompletesChecksum(output, isIPv4))
        {
            CompleteChecksum(packet, header.Protocol);
        }
        else
        {
            packet.Offload = packet.Offload with { IsChecksumPartial = true, IsChecksumVerified = false };
        }

        WriteHeader(packet, header);
        return Forward(output, packet, header.Destination, nextHop);
    }

    /// <summary>Cuts a packet and sends the pieces: all of them, or none where there is no room for the first.</summary>
    private InternetSendResult SendFragments(
        IpInterface output, PacketBuffer packet, in InternetHeader header, InternetAddress? nextHop, int mtu)
    {
        bool isIPv4 = header.Destination.IsIPv4;
        IpStatistics statistics = layer.StatisticsOf(isIPv4);
        if (!output.HasRoom())
        {
            output.Statistics.TxDropped++;
            layer.Pool.Return(packet);
            return InternetSendResult.NoRoom;
        }

        CompleteChecksum(packet, header.Protocol);
        uint identification = layer.Random.NextUInt32();
        int most = (mtu - HeaderSize(header) - (isIPv4 ? 0 : IPv6FragmentHeader.Size)) & ~7;
        InternetSendResult result = InternetSendResult.Sent;
        output.BeginPacket();
        for (int offset = 0; offset < packet.Length && result == InternetSendResult.Sent; offset += most)
        {
            int length = Math.Min(most, packet.Length - offset);
            bool hasMore = offset + length < packet.Length;
            PacketBuffer fragment = layer.Pool.Rent(length);
            packet.Data.Slice(offset, length).CopyTo(fragment.Append(length));
            if (isIPv4)
            {
                IPv4Header piece = IPv4HeaderOf(header, HeaderSize(header) + length, (ushort)identification) with
                {
                    IsDontFragment = false,
                    FragmentOffset = offset,
                    HasMoreFragments = hasMore,
                };
                piece.Write(fragment.Prepend(HeaderSize(header)));
            }
            else
            {
                new IPv6FragmentHeader(header.Protocol, offset, hasMore, identification)
                    .Write(fragment.Prepend(IPv6FragmentHeader.Size));
                IPv6HeaderOf(header, length + IPv6FragmentHeader.Size, ProtocolNumber.Fragment)
                    .Write(fragment.Prepend(IPv6Header.Size));
            }

            result = Forward(output, fragment, header.Destination, nextHop);
            statistics.FragCreates++;
        }

        output.EndPacket();
        statistics.FragOKs += result == InternetSendResult.Sent ? 1 : 0;
        layer.Pool.Return(packet);
        return result;
    }

    private InternetSendResult Refuse(PacketBuffer packet, bool isIPv4)
    {
        layer.StatisticsOf(isIPv4).FragFails++;
        layer.Pool.Return(packet);
        return InternetSendResult.TooLarge;
    }

    /// <summary>Gives a packet to a neighbour; without one to all that the destination means.</summary>
    private static InternetSendResult Forward(
        IpInterface output, PacketBuffer packet, InternetAddress destination, InternetAddress? nextHop) => nextHop is { } neighbour
        ? output.Neighbours.Send(packet, neighbour)
        : output.SendPacket(packet, destination.IsMulticast ? MacAddress.OfGroup(destination) : MacAddress.Broadcast);

    private void WriteHeader(PacketBuffer packet, in InternetHeader header)
    {
        int length = packet.Length;
        if (header.Destination.IsIPv4)
        {
            int size = HeaderSize(header);
            IPv4HeaderOf(header, size + length, (ushort)layer.Random.NextUInt32()).Write(packet.Prepend(size));
        }
        else
        {
            IPv6HeaderOf(header, length, header.Protocol).Write(packet.Prepend(IPv6Header.Size));
        }
    }

    private IPv4Header IPv4HeaderOf(in InternetHeader header, int totalLength, ushort identification) => new()
    {
        TotalLength = totalLength,
        TrafficClass = header.TrafficClass,
        Identification = identification,
        IsDontFragment = !header.CanFragment && !layer.PathMtus.NeedsRouters(header.Destination),
        HopLimit = header.HopLimit,
        Protocol = header.Protocol,
        Source = header.Source,
        Destination = header.Destination,
        Route = header.Route,
    };

    private static IPv6Header IPv6HeaderOf(in InternetHeader header, int payloadLength, byte nextHeader) => new()
    {
        TrafficClass = header.TrafficClass,
        PayloadLength = payloadLength,
        NextHeader = nextHeader,
        HopLimit = header.HopLimit,
        Source = header.Source,
        Destination = header.Destination,
    };

    private InternetSendResult SendToOurselves(PacketBuffer packet, in InternetHeader header)
    {
        // Nothing can change it on the way, so its checksum is neither made nor verified.
        WriteHeader(packet, header);
        int headerSize = HeaderSize(header.Destination.IsIPv4);
        packet.RemoveFront(headerSize);
        packet.InternetHeaderLength = headerSize;
        packet.Offload = new(IsChecksumPartial: true, IsChecksumVerified: false, SegmentSize: 0);
        // The interface that has the address, as Linux says of where the packet has come.
        int index = header.InterfaceIndex != 0 ? header.InterfaceIndex
            : layer.Addresses.FindUsable(header.Destination)?.Interface.Index ?? InternetLayer.LoopbackIndex;
        return layer.Loopback.Send(packet, header with { InterfaceIndex = index });
    }

    private void SendCopyToOurselves(PacketBuffer packet, in InternetHeader header)
    {
        PacketBuffer copy = layer.Pool.Rent(packet.Length);
        packet.Data.CopyTo(copy.Append(packet.Length));
        SendToOurselves(copy, header);
    }
}
