using Xenlet.Net.Base;
using Xenlet.Net.Internet;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Udp;

/// <summary>
/// UDP of a stack (RFC 768; RFC 1122, section 4.1): which endpoint a datagram is for, and what becomes of one that is for none.
/// </summary>
internal sealed class UdpLayer(InternetLayer internet) : ITransport
{
    /// <summary>The most that a datagram carries: 65,535 bytes less UDP's header, and of IPv4 less an IP header too.</summary>
    public const int LargestData = PacketBuffer.LargestPacket - UdpHeader.Size;

    private static readonly InternetAddress LoopbackBroadcast = InternetAddress.FromIPv4(0x7FFF_FFFF);

    private readonly Dictionary<ushort, List<UdpEndpoint>> _ports = new();

    public PacketPool Pool => internet.Pool;

    public UdpStatistics IPv4 { get; } = new();

    public UdpStatistics IPv6 { get; } = new();

    /// <summary>All endpoints that have a port.</summary>
    public IEnumerable<UdpEndpoint> Endpoints => _ports.Values.SelectMany(each => each);

    /// <summary>"Any" as a destination is this machine, as on Linux.</summary>
    public static InternetAddress ReplaceAny(InternetAddress address) =>
        !address.IsAny ? address
        : address.IsIPv4 ? InternetAddress.FromIPv4(0x7F00_0001)
        : InternetAddress.FromIPv6(0, 1);

    /// <summary>Whether an endpoint may have the address: any, one of ours, a group, or everybody's.</summary>
    public bool CanBind(InternetAddress address) =>
        address.IsAny || address.IsMulticast || internet.Addresses.IsOurs(address) || IsBroadcast(address);

    public bool TrySelectSource(InternetAddress remote, int interfaceIndex, out InternetAddress source) =>
        internet.Output.TrySelectSource(remote, interfaceIndex, out source);

    /// <summary>Whether the address means all hosts of a link of ours.</summary>
    public bool IsBroadcast(InternetAddress address)
    {
        if (!address.IsIPv4)
        {
            return false;
        }

        // Not foreach: the enumerator would be garbage of each packet.
        IReadOnlyList<IpInterface> interfaces = internet.Interfaces;
        for (int i = 0; i < interfaces.Count; i++)
        {
            if (interfaces[i].IsBroadcast(address))
            {
                return true;
            }
        }

        return address == InternetAddress.LimitedBroadcast || address == LoopbackBroadcast;
    }

    public bool IsOurs(InternetAddress address) => internet.Addresses.IsOurs(address);

    /// <summary>How many bytes of data a packet to an address carries without being cut.</summary>
    public int LargestUncut(InternetAddress remote, int interfaceIndex) =>
        internet.Output.PathMtu(remote, interfaceIndex) - UdpHeader.Size - (remote.IsIPv4 ? IPv4Header.Size : IPv6Header.Size);

    /// <summary>The interface on which a group is joined.</summary>
    public IpInterface? FindGroupInterface(InternetAddress group, int interfaceIndex) => interfaceIndex != 0
        ? internet.FindInterface(interfaceIndex)
        : internet.Output.FindGroupOutput(group);

    /// <summary>Gives an endpoint its port.</summary>
    public NetworkError Take(UdpEndpoint endpoint, Endpoint local, out ushort port)
    {
        port = local.Port;
        if (port == 0)
        {
            port = EphemeralPorts.Choose(internet.Random, candidate => !_ports.ContainsKey(candidate));
            if (port == 0)
            {
                return NetworkError.AddressInUse;
            }
        }

        if (!_ports.TryGetValue(port, out List<UdpEndpoint>? sharing))
        {
            _ports.Add(port, [endpoint]);
            return NetworkError.None;
        }

        foreach (UdpEndpoint other in sharing)
        {
            if (endpoint.ConflictsWith(other, local.Address))
            {
                return NetworkError.AddressInUse;
            }
        }

        sharing.Add(endpoint);
        return NetworkError.None;
    }

    /// <summary>Takes an endpoint's port back.</summary>
    public void Remove(UdpEndpoint endpoint)
    {
        if (_ports.TryGetValue(endpoint.Local.Port, out List<UdpEndpoint>? sharing) && sharing.Remove(endpoint) && sharing.Count == 0)
        {
            _ports.Remove(endpoint.Local.Port);
        }
    }

    /// <summary>Whether a datagram finds room; otherwise the endpoint's user is told when there is some.</summary>
    public bool HasRoom(UdpEndpoint by, InternetAddress remote, int interfaceIndex)
    {
        by.IsBlocked = !internet.Output.HasRoom(remote, interfaceIndex);
        return !by.IsBlocked;
    }

    /// <summary>Puts the header in front of the data and sends it. Takes the buffer over.</summary>
    public NetworkError Send(UdpEndpoint by, PacketBuffer packet, Endpoint local, Endpoint remote, int interfaceIndex)
    {
        UdpStatistics statistics = remote.Address.IsIPv4 ? IPv4 : IPv6;
        int length = packet.Length + UdpHeader.Size;
        if (length > PacketBuffer.LargestPacket - (remote.Address.IsIPv4 ? IPv4Header.Size : 0))
        {
            Pool.Return(packet);
            return NetworkError.MessageTooLong;
        }

        ushort partial = InternetChecksum.Partial(
            InternetChecksum.PseudoHeader(local.Address, remote.Address, ProtocolNumber.Udp, length));
        new UdpHeader(local.Port, remote.Port, length, partial).Write(packet.Prepend(UdpHeader.Size));
        UdpOptions options = by.Options;
        InternetSendResult result = internet.Output.Send(packet, new InternetHeader(
            local.Address,
            remote.Address,
            ProtocolNumber.Udp,
            remote.Address.IsMulticast ? options.MulticastHopLimit : options.HopLimit,
            options.TrafficClass,
            CanFragment: !options.IsDontFragment)
        {
            InterfaceIndex = interfaceIndex,
            IsLoopedBack = options.IsMulticastLoop && !by.CanSendUnconfigured,
        });
        switch (result)
        {
            case InternetSendResult.Sent:
                statistics.OutDatagrams++;
                return NetworkError.None;
            case InternetSendResult.NoRoom:
                // There was room, and the packet took none: a link whose room shrinks.
                statistics.SndbufErrors++;
                return NetworkError.NoBuffers;
            case InternetSendResult.TooLarge:
                return NetworkError.MessageTooLong;
            case InternetSendResult.NoNeighbour:
                // As on Linux it is lost, and only who asks for errors hears of it: it may be nothing but a neighbour's pause.
                return ReceivesErrors(by, remote.Address.IsIPv4) ? NetworkError.HostUnreachable : NetworkError.None;
            default:
                return NetworkError.NetworkUnreachable;
        }
    }

    public void Receive(PacketBuffer packet, in InternetHeader header)
    {
        UdpStatistics statistics = header.Source.IsIPv4 ? IPv4 : IPv6;
        if (!UdpHeader.TryRead(packet.Data, out UdpHeader udp))
        {
            statistics.InErrors++;
        }
        else if (!IsChecksumRight(packet, udp, header))
        {
            statistics.InCsumErrors++;
            statistics.InErrors++;
        }
        else
        {
            ReadOnlySpan<byte> data = packet.Data[UdpHeader.Size..udp.Length];
            UdpOrigin origin = new(
                new Endpoint(header.Source, udp.SourcePort),
                new Endpoint(header.Destination, udp.DestinationPort),
                header.InterfaceIndex,
                header.HopLimit,
                header.TrafficClass);
            if (!internet.Addresses.IsOurs(header.Destination) && (header.Destination.IsMulticast || IsBroadcast(header.Destination)))
            {
                DeliverToAll(origin, data, statistics);
            }
            else if (FindBest(origin) is { } receiver)
            {
                Deliver(receiver, origin, data, statistics);
            }
            else
            {
                statistics.NoPorts++;
                internet.Errors.SendPortUnreachable(packet, header);
            }
        }

        Pool.Return(packet);
    }

    public bool OnError(in IcmpError error, ReadOnlySpan<byte> payload)
    {
        bool isOurs = false;
        if (!_ports.TryGetValue(error.Flow.Local.Port, out List<UdpEndpoint>? sharing))
        {
            return false;
        }

        for (int i = sharing.Count - 1; i >= 0; i--)
        {
            UdpEndpoint endpoint = sharing[i];
            if (!endpoint.Covers(error.Flow.Local.Address) || (endpoint.Remote is { } remote && remote != error.Flow.Remote))
            {
                continue;
            }

            isOurs = true;
            Tell(endpoint, error, payload);
        }

        return isOurs;
    }

    /// <summary>Tells an endpoint what Linux tells: who asks for errors gets all, a connected one those that do not pass.</summary>
    private static void Tell(UdpEndpoint endpoint, in IcmpError error, ReadOnlySpan<byte> payload)
    {
        if (error.Kind == IcmpErrorKind.Redirect)
        {
            return;
        }

        bool isIPv4 = error.Flow.Remote.Address.IsIPv4;
        (NetworkError told, bool isHard) = UdpErrors.Of(error.Kind, error.Origin, isIPv4);
        if (ReceivesErrors(endpoint, isIPv4))
        {
            IcmpOrigin origin = error.Origin;
            endpoint.User.OnErrorReport(
                new UdpErrorReport(told, error.Flow.Remote, origin.Offender, origin.Type, origin.Code, error.Mtu), payload);
        }
        else if (endpoint.Remote is not null && isHard)
        {
            endpoint.User.OnError(told);
        }
    }

    private static bool ReceivesErrors(UdpEndpoint endpoint, bool isIPv4) =>
        isIPv4 ? endpoint.Options.ReceivesErrors4 : endpoint.Options.ReceivesErrors6;

    public void OnMtuChanged(InternetAddress remote)
    {
        // A datagram is cut by what the path takes when it is sent.
    }

    public void OnRoom()
    {
        foreach (UdpEndpoint endpoint in Endpoints.Where(each => each.IsBlocked).ToArray())
        {
            if (!endpoint.IsClosed)
            {
                endpoint.IsBlocked = false;
                endpoint.User.OnWritable();
            }
        }
    }

    public void OnAddressRemoved(InternetAddress local)
    {
        // An endpoint keeps an address that has gone, as on Linux, and works again when it comes back.
    }

    private static void Deliver(UdpEndpoint receiver, in UdpOrigin origin, ReadOnlySpan<byte> data, UdpStatistics statistics)
    {
        if (receiver.User.TryReceive(origin, data))
        {
            statistics.InDatagrams++;
        }
        else
        {
            statistics.RcvbufErrors++;
            statistics.InErrors++;
        }
    }

    /// <summary>A group's or everybody's datagram is for all endpoints that it fits.</summary>
    private void DeliverToAll(in UdpOrigin origin, ReadOnlySpan<byte> data, UdpStatistics statistics)
    {
        bool isTaken = false;
        if (_ports.TryGetValue(origin.Local.Port, out List<UdpEndpoint>? sharing))
        {
            for (int i = sharing.Count - 1; i >= 0; i--)
            {
                if (i < sharing.Count && sharing[i].Accepts(origin.Local.Address, origin.Remote, origin.InterfaceIndex))
                {
                    isTaken = true;
                    Deliver(sharing[i], origin, data, statistics);
                }
            }
        }

        statistics.IgnoredMulti += isTaken ? 0 : 1;
    }

    /// <summary>
    /// The endpoint that fits a datagram best: connected to its sender before bound to its address before bound to any. Of several the
    /// last, or of those that share out datagrams the one that the sender's address and port choose.
    /// </summary>
    private UdpEndpoint? FindBest(in UdpOrigin origin)
    {
        if (!_ports.TryGetValue(origin.Local.Port, out List<UdpEndpoint>? sharing))
        {
            return null;
        }

        UdpEndpoint? best = null;
        int bestScore = -1;
        int equals = 0;
        foreach (UdpEndpoint each in sharing)
        {
            int score = ScoreOf(each, origin);
            if (score >= 0 && score >= bestScore)
            {
                equals = score == bestScore ? equals + 1 : 1;
                (best, bestScore) = (each, score);
            }
        }

        if (equals < 2 || !best!.Options.CanReusePort)
        {
            return best;
        }

        int chosen = (int)((uint)origin.Remote.GetHashCode() % (uint)equals);
        foreach (UdpEndpoint each in sharing)
        {
            if (ScoreOf(each, origin) == bestScore && chosen-- == 0)
            {
                return each;
            }
        }

        return best;
    }

    private static int ScoreOf(UdpEndpoint endpoint, in UdpOrigin origin) =>
        !endpoint.Accepts(origin.Local.Address, origin.Remote, origin.InterfaceIndex)
            ? -1
            : (endpoint.Remote is null ? 0 : 8)
                + (endpoint.Local.Address.IsAny ? 0 : 4)
                + (endpoint.Options.BoundInterface == 0 ? 0 : 2)
                + (endpoint.IsIPv6 == !origin.Local.Address.IsIPv4 ? 1 : 0);

    private static bool IsChecksumRight(PacketBuffer packet, in UdpHeader udp, in InternetHeader header)
    {
        if (packet.Offload.IsChecksumPartial || packet.Offload.IsChecksumVerified)
        {
            return true;
        }

        // IPv6's own header has none, so UDP's is not optional there (RFC 8200, section 8.1).
        return udp.Checksum == 0
            ? header.Source.IsIPv4
            : InternetChecksum.Of(InternetChecksum.Add(
                packet.Data[..udp.Length],
                InternetChecksum.PseudoHeader(header.Source, header.Destination, ProtocolNumber.Udp, udp.Length))) == 0;
    }
}
