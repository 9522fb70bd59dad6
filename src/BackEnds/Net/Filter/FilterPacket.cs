using System.Buffers.Binary;
using Xenlet.Net;
using Xenlet.Net.Tcp;
using Xenlet.Net.Wire;
using IcmpKind = Xenlet.Net.Wire.IcmpType;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>The headers of a frame, read once. The frame is in this domain's own memory: nobody changes it afterwards.</summary>
internal readonly record struct FilterPacket
{
    /// <summary>
    /// No fragment but the first begins before this byte of the packet's data, which is behind the longest header of TCP: it could replace
    /// what the filter has read (RFC 1858, RFC 3128). No link is so narrow that an honest sender would have to cut there.
    /// </summary>
    public const int LeastFragmentOffset = 64;

    /// <summary>What it is.</summary>
    public PacketKind Kind { get; private init; }

    /// <summary>What the packet carries.</summary>
    public byte Protocol { get; private init; }

    /// <summary>
    /// The sender and the receiver, with their ports. An echo request or its answer has its identifier for both ports, other protocols 0.
    /// </summary>
    public Flow Flow { get; private init; }

    /// <summary>The type of an ICMP message.</summary>
    public byte IcmpType { get; private init; }

    /// <summary>The header of TCP.</summary>
    public TcpHeader Tcp { get; private init; }

    /// <summary>By how many bits a SYN says that windows are shifted; -1 if it does not say it.</summary>
    public int WindowScale { get; private init; }

    /// <summary>Bytes of TCP data.</summary>
    public int DataLength { get; private init; }

    /// <summary>What the fragments of a packet have in common.</summary>
    public uint Identification { get; private init; }

    /// <summary>Where the IP packet's payload begins in the frame, behind all headers of IP.</summary>
    public int TransportOffset { get; private init; }

    /// <summary>Where the IP packet ends in the frame.</summary>
    public int End { get; private init; }

    /// <summary>Whether it goes to a group or to all.</summary>
    public bool IsToGroup { get; private init; }

    /// <summary>Whether it is an echo request of either version.</summary>
    public bool IsEchoRequest => IsEcho(Protocol, IcmpType, isRequest: true);

    /// <summary>Whether it answers an echo request.</summary>
    public bool IsEchoReply => IsEcho(Protocol, IcmpType, isRequest: false);

    /// <summary>Whether it is an ICMP error, which quotes the packet that it is about.</summary>
    public bool IsIcmpError => Protocol switch
    {
        ProtocolNumber.Icmp => IcmpType is IcmpKind.DestinationUnreachable or IcmpKind.TimeExceeded or IcmpKind.ParameterProblem,
        ProtocolNumber.IcmpV6 => IcmpType is >= IcmpV6Type.DestinationUnreachable and <= IcmpV6Type.ParameterProblem,
        _ => false,
    };

    /// <summary>What rules see of it.</summary>
    public RuleSubject Subject => new(
        Protocol, Protocol is ProtocolNumber.Tcp or ProtocolNumber.Udp ? Flow : Flow.WithoutPorts, IcmpType);

    /// <summary>Reads a frame.</summary>
    /// <param name="header">Its Ethernet header.</param>
    /// <param name="frame">The frame.</param>
    public static FilterPacket Read(in EthernetHeader header, ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> packet = frame[EthernetHeader.Size..];
        return header.Type switch
        {
            EtherType.Arp => new() { Kind = ArpPacket.TryRead(packet, out _) ? PacketKind.Link : PacketKind.Malformed },
            EtherType.IPv4 => ReadIPv4(packet, header.Destination.IsMulticast),
            EtherType.IPv6 => ReadIPv6(packet, header.Destination.IsMulticast),
            _ => default,
        };
    }

    private static bool IsEcho(byte protocol, byte type, bool isRequest) => protocol switch
    {
        ProtocolNumber.Icmp => type == (isRequest ? IcmpKind.EchoRequest : IcmpKind.EchoReply),
        ProtocolNumber.IcmpV6 => type == (isRequest ? IcmpV6Type.EchoRequest : IcmpV6Type.EchoReply),
        _ => false,
    };

    private static FilterPacket ReadIPv4(ReadOnlySpan<byte> packet, bool isToGroup)
    {
        if (!IPv4Header.TryRead(packet, packet.Length, out IPv4Header ip)
            || !IPv4Options.TryRead(packet[IPv4Header.Size..ip.HeaderLength], out ReadOnlySpan<byte> sourceRoute) || !sourceRoute.IsEmpty
            || ip.Source.IsMulticast || ip.Source == InternetAddress.LimitedBroadcast)
        {
            return default;
        }

        FilterPacket read = new()
        {
            Protocol = ip.Protocol,
            Flow = new(new(ip.Source, 0), new(ip.Destination, 0)),
            Identification = ip.Identification,
            TransportOffset = EthernetHeader.Size + ip.HeaderLength,
            End = EthernetHeader.Size + ip.TotalLength,
            IsToGroup = isToGroup || ip.Destination.IsMulticast || ip.Destination == InternetAddress.LimitedBroadcast,
        };
        return ip.FragmentOffset == 0
            ? read.WithTransport(packet[ip.HeaderLength..ip.TotalLength], ip.HasMoreFragments)
            : read.AsLaterFragment(ip.FragmentOffset);
    }

    private static FilterPacket ReadIPv6(ReadOnlySpan<byte> packet, bool isToGroup)
    {
        if (!IPv6Header.TryRead(packet, packet.Length, out IPv6Header ip) || ip.Source.IsMulticast)
        {
            return default;
        }

        packet = packet[..(IPv6Header.Size + ip.PayloadLength)];
        IPv6HeaderChain chain = IPv6HeaderChain.Walk(packet, IPv6Header.Size, ip.NextHeader, isMulticast: false);
        FilterPacket read = new()
        {
            Flow = new(new(ip.Source, 0), new(ip.Destination, 0)),
            End = EthernetHeader.Size + packet.Length,
            IsToGroup = isToGroup || ip.Destination.IsMulticast,
        };
        bool hasMore = false;
        if (chain.Result == IPv6ChainResult.Whole && chain.Protocol == ProtocolNumber.Fragment)
        {
            IPv6FragmentHeader fragment = IPv6FragmentHeader.Read(packet[chain.Offset..]);
            read = read with { Identification = fragment.Identification };
            if (fragment.Offset != 0)
            {
                return read.AsLaterFragment(fragment.Offset);
            }

            hasMore = fragment.HasMore;
            chain = IPv6HeaderChain.Walk(packet, chain.Offset + IPv6FragmentHeader.Size, fragment.NextHeader, isMulticast: false);
            if (chain.Protocol == ProtocolNumber.Fragment)
            {
                return default;
            }
        }

        if (chain.Result != IPv6ChainResult.Whole)
        {
            return default;
        }

        read = read with { Protocol = chain.Protocol, TransportOffset = EthernetHeader.Size + chain.Offset };
        ReadOnlySpan<byte> transport = packet[chain.Offset..];
        if (chain.Protocol == ProtocolNumber.IcmpV6 && LinkKind(ip, chain.Offset, transport) is { } kind)
        {
            // Messages of neighbours come in one piece (RFC 6980).
            return hasMore ? default : read with { Kind = kind };
        }

        return read.WithTransport(transport, hasMore);
    }

    /// <summary>
    /// What a message of neighbours is, or null if it is none. They do not cross routers, which the hop limit shows (RFC 4861), or which a
    /// hop limit of 1 ensures (RFC 2710, RFC 3810); the latter have options for every hop.
    /// </summary>
    private static PacketKind? LinkKind(in IPv6Header ip, int offset, ReadOnlySpan<byte> message)
    {
        const byte ListenerReportV2 = 143;
        if (message.Length < IcmpHeader.Size / 2)
        {
            return PacketKind.Malformed;
        }

        return message[0] switch
        {
            IcmpV6Type.MulticastListenerQuery or IcmpV6Type.MulticastListenerReport or IcmpV6Type.MulticastListenerDone
                or ListenerReportV2 => ip.HopLimit == 1 ? PacketKind.Link : PacketKind.Malformed,
            IcmpV6Type.RouterSolicitation or IcmpV6Type.NeighbourSolicitation or IcmpV6Type.NeighbourAdvertisement =>
                ip.HopLimit == 255 && offset == IPv6Header.Size ? PacketKind.Link : PacketKind.Malformed,
            IcmpV6Type.RouterAdvertisement or IcmpV6Type.Redirect =>
                ip.HopLimit == 255 && offset == IPv6Header.Size ? PacketKind.Router : PacketKind.Malformed,
            _ => null,
        };
    }

    private FilterPacket AsLaterFragment(int offset) =>
        offset < LeastFragmentOffset ? default : this with { Kind = PacketKind.LaterFragment };

    /// <summary>Reads the header that follows IP's, which has to be there as a whole.</summary>
    private FilterPacket WithTransport(ReadOnlySpan<byte> transport, bool hasMore)
    {
        FilterPacket read = this with { Kind = hasMore ? PacketKind.FirstFragment : PacketKind.Whole };
        switch (Protocol)
        {
            case ProtocolNumber.Tcp:
                // How far a fragmented segment goes is not seen, and hosts do not send any: they find the size that the path takes.
                return hasMore ? default : read.WithTcp(transport);
            case ProtocolNumber.Udp:
                // Of a fragmented packet, the length is more than what is here.
                bool isUdp = hasMore ? transport.Length >= UdpHeader.Size : UdpHeader.TryRead(transport, out _);
                return isUdp ? read.WithPorts(Port(transport), Port(transport[2..])) : default;
            case ProtocolNumber.Icmp when Flow.Local.Address.IsIPv4:
            case ProtocolNumber.IcmpV6 when !Flow.Local.Address.IsIPv4:
                if (!IcmpHeader.TryRead(transport, out IcmpHeader icmp))
                {
                    return default;
                }

                read = read with { IcmpType = icmp.Type };
                if (read.IsEchoRequest || read.IsEchoReply)
                {
                    read = read.WithPorts((ushort)(icmp.Rest >> 16), (ushort)(icmp.Rest >> 16));
                }

                // The end of what an error quotes would be in a fragment, unseen.
                return hasMore && read.IsIcmpError ? default : read;
            case ProtocolNumber.Icmp or ProtocolNumber.IcmpV6:
                return default;
            default:
                return read;
        }
    }

    private FilterPacket WithTcp(ReadOnlySpan<byte> segment)
    {
        const TcpFlags Opposites = TcpFlags.Syn | TcpFlags.Fin | TcpFlags.Rst;
        if (!TcpHeader.TryRead(segment, out TcpHeader tcp)
            || (tcp.Flags & Opposites) is not (TcpFlags.None or TcpFlags.Syn or TcpFlags.Fin or TcpFlags.Rst)
            || (tcp.Flags & (TcpFlags.Syn | TcpFlags.Rst | TcpFlags.Ack)) == 0)
        {
            return default;
        }

        int scale = -1;
        if ((tcp.Flags & TcpFlags.Syn) != 0)
        {
            TcpOptions options = TcpOptions.Read(segment[TcpHeader.FixedSize..tcp.HeaderSize]);
            scale = options.HasWindowScale ? Math.Min((int)options.WindowScale, 14) : -1;
        }

        return WithPorts(tcp.SourcePort, tcp.DestinationPort) with
        {
            Tcp = tcp,
            WindowScale = scale,
            DataLength = segment.Length - tcp.HeaderSize,
        };
    }

    private FilterPacket WithPorts(ushort source, ushort destination) =>
        this with { Flow = new(Flow.Local with { Port = source }, Flow.Remote with { Port = destination }) };

    private static ushort Port(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
