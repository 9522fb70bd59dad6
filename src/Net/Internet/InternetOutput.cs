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
        ref Destination destination = ref layer.Destinations.Find(remote, interfaceIndex);
        if (destination.IsOurs)
        {
            local = !remote.IsLoopback ? remote : remote.IsIPv4 ? InternetAddress.FromIPv4(0x7F00_0001) : remote;
            return true;
        }

        if (destination.Output is not { } output || SelectSourceOn(output, remote) is not { } source)
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
    public IpInterface? FindGroupOutput(InternetAddress group) => layer.Destinations.Find(group, 0).Output;

    public int PathMtu(InternetAddress remote, int interfaceIndex = 0)
    {
        ref Destination destination = ref layer.Destinations.Find(remote, interfaceIndex);
        if (destination.IsOurs)
        {
            return PacketBuffer.LargestPacket;
        }

        int mtu = destination.Output?.MtuOf(remote.IsIPv4) ?? 0;
        return mtu == 0 ? SmallestMtu(remote.IsIPv4) : layer.PathMtus.Get(remote, mtu);
    }

    public bool CanSegment(InternetAddress remote, int interfaceIndex = 0) =>
        layer.Destinations.Find(remote, interfaceIndex).Output is { } output && CanSegment(output, remote.IsIPv4);

    public void ConfirmReachable(InternetAddress remote, int interfaceIndex = 0)
    {
        ref Destination destination = ref layer.Destinations.Find(remote, interfaceIndex);
        if (destination is { Output: { } output, FirstHop: { } firstHop })
        {
            output.Neighbours.ConfirmReachable(firstHop);
        }
    }

    public void Doubt(InternetAddress remote, int interfaceIndex = 0)
    {
        ref Destination destination = ref layer.Destinations.Find(remote, interfaceIndex);
        if (destination.Output is { } output)
        {
            if (destination.FirstHop is { } firstHop)
            {
                output.Neighbours.Doubt(firstHop);
            }

            layer.Redirects.Forget(remote);
        }
    }

    /// <summary>
    /// Whether a packet to a destination finds room, by an interface that the caller has chosen; 0 when it has not. Transports that are
    /// answered no are told when there is some.
    /// </summary>
    public bool HasRoom(InternetAddress destination, int interfaceIndex)
    {
        ref Destination found = ref layer.Destinations.Find(destination, interfaceIndex);
        return found.IsOurs ? layer.Loopback.HasRoom() : found.Output?.HasRoom() ?? true;
    }

    public InternetSendResult Send(PacketBuffer packet, in InternetHeader header)
    {
        bool isIPv4 = header.Destination.IsIPv4;
        IpStatistics statistics = layer.StatisticsOf(isIPv4);
        statistics.OutRequests++;
        byte hopLimit = header.HopLimit == 0 ? layer.Options.HopLimit : header.HopLimit;
        InternetAddress towards = header.Route?.FirstHop ?? header.Destination;
        ref Destination way = ref layer.Destinations.Find(towards, InterfaceFor(header));
        if (header.Route is null && way.IsOurs)
        {
            return SendToOurselves(packet, header, hopLimit, header.InterfaceIndex);
        }

        if (layer.Addresses.IsSuspended(header.Source))
        {
            layer.Pool.Return(packet);
            return InternetSendResult.NoRoom;
        }

        // What says that it comes from a loopback address never leaves the machine.
        IpInterface? output = way.Output;
        int mtu = output?.MtuOf(isIPv4) ?? 0;
        if (output is null || mtu == 0 || header.Source.IsLoopback || !CanBegin(header.Route, output, way.NextHop))
        {
            statistics.OutNoRoutes++;
            layer.Pool.Return(packet);
            return InternetSendResult.NoRoute;
        }

        if (header.HopLimit == 0 && !isIPv4 && output.RouterHopLimit != 0)
        {
            hopLimit = output.RouterHopLimit;
        }

        // A copy to ourselves may look up other destinations.
        FirstHop firstHop = new(way.NextHop, way.IsForMany ? null : way.FirstHop, way.IsForMany);
        if (firstHop.IsForMany && header.IsLoopedBack
            && (!header.Destination.IsMulticast || output.Groups.IsJoined(header.Destination)))
        {
            SendCopyToOurselves(packet, header, hopLimit, output.Index);
        }

        return SendBy(output, packet, header, hopLimit, firstHop, layer.PathMtus.Get(towards, mtu));
    }

    /// <summary>The interface for a packet whose destination alone does not say it; 0 where the routes do.</summary>
    private int InterfaceFor(in InternetHeader header) =>
        header.InterfaceIndex != 0 || !(header.Destination.IsLinkLocal || header.Destination.IsMulticast)
            ? header.InterfaceIndex
            : layer.Addresses.FindUsable(header.Source)?.Interface.Index ?? 0;

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

    private InternetSendResult SendBy(
        IpInterface output, PacketBuffer packet, in InternetHeader header, byte hopLimit, in FirstHop firstHop, int mtu)
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
            return header.CanFragment ? SendFragments(output, packet, header, hopLimit, firstHop, mtu) : Refuse(packet, isIPv4);
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

        WriteHeader(packet, header, hopLimit);
        return Forward(output, packet, header.Destination, firstHop);
    }

    /// <summary>Cuts a packet and sends the pieces: all of them, or none where there is no room for the first.</summary>
    private InternetSendResult SendFragments(
        IpInterface output, PacketBuffer packet, in InternetHeader header, byte hopLimit, in FirstHop firstHop, int mtu)
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
                IPv4Header piece = IPv4HeaderOf(header, hopLimit, HeaderSize(header) + length, (ushort)identification) with
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
                IPv6HeaderOf(header, hopLimit, length + IPv6FragmentHeader.Size, ProtocolNumber.Fragment)
                    .Write(fragment.Prepend(IPv6Header.Size));
            }

            result = Forward(output, fragment, header.Destination, firstHop);
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

    private static InternetSendResult Forward(
        IpInterface output, PacketBuffer packet, InternetAddress destination, in FirstHop firstHop)
    {
        if (firstHop.IsForMany)
        {
            return output.SendPacket(packet, destination.IsMulticast ? MacAddress.OfGroup(destination) : MacAddress.Broadcast);
        }

        return firstHop.Neighbour is { } neighbour
            ? output.Neighbours.Send(packet, neighbour)
            : output.Neighbours.Send(packet, firstHop.Address);
    }

    private void WriteHeader(PacketBuffer packet, in InternetHeader header, byte hopLimit)
    {
        int length = packet.Length;
        if (header.Destination.IsIPv4)
        {
            int size = HeaderSize(header);
            IPv4HeaderOf(header, hopLimit, size + length, (ushort)layer.Random.NextUInt32()).Write(packet.Prepend(size));
        }
        else
        {
            IPv6HeaderOf(header, hopLimit, length, header.Protocol).Write(packet.Prepend(IPv6Header.Size));
        }
    }

    private IPv4Header IPv4HeaderOf(in InternetHeader header, byte hopLimit, int totalLength, ushort identification) => new()
    {
        TotalLength = totalLength,
        TrafficClass = header.TrafficClass,
        Identification = identification,
        IsDontFragment = !header.CanFragment && !layer.PathMtus.NeedsRouters(header.Destination),
        HopLimit = hopLimit,
        Protocol = header.Protocol,
        Source = header.Source,
        Destination = header.Destination,
        Route = header.Route,
    };

    private static IPv6Header IPv6HeaderOf(in InternetHeader header, byte hopLimit, int payloadLength, byte nextHeader) => new()
    {
        TrafficClass = header.TrafficClass,
        PayloadLength = payloadLength,
        NextHeader = nextHeader,
        HopLimit = hopLimit,
        Source = header.Source,
        Destination = header.Destination,
    };

    /// <param name="packet">The packet.</param>
    /// <param name="header">What its header says.</param>
    /// <param name="hopLimit">How many routers it could go through.</param>
    /// <param name="interfaceIndex">The interface by which it seems to have come; 0 for the one that has the address, as on Linux.</param>
    private InternetSendResult SendToOurselves(PacketBuffer packet, in InternetHeader header, byte hopLimit, int interfaceIndex)
    {
        // Nothing can change it on the way, so its checksum is neither made nor verified.
        WriteHeader(packet, header, hopLimit);
        int headerSize = HeaderSize(header.Destination.IsIPv4);
        packet.RemoveFront(headerSize);
        packet.InternetHeaderLength = headerSize;
        packet.Offload = new(IsChecksumPartial: true, IsChecksumVerified: false, SegmentSize: 0);
        int index = interfaceIndex != 0 ? interfaceIndex
            : layer.Addresses.FindUsable(header.Destination)?.Interface.Index ?? InternetLayer.LoopbackIndex;
        return layer.Loopback.Send(packet, header with { HopLimit = hopLimit, InterfaceIndex = index });
    }

    private void SendCopyToOurselves(PacketBuffer packet, in InternetHeader header, byte hopLimit, int interfaceIndex)
    {
        PacketBuffer copy = layer.Pool.Rent(packet.Length);
        packet.Data.CopyTo(copy.Append(packet.Length));
        SendToOurselves(copy, header, hopLimit, interfaceIndex);
    }

    /// <summary>Who gets the frames of a packet.</summary>
    /// <param name="Address">The neighbour.</param>
    /// <param name="Neighbour">The neighbour, if it is known.</param>
    /// <param name="IsForMany">Whether it is all whom the destination means instead.</param>
    private readonly record struct FirstHop(InternetAddress Address, Neighbour? Neighbour, bool IsForMany);
}
