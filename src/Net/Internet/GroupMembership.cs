using Xenlet.Net.Base;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>The multicast groups of an interface, of which routers and switches learn by IGMPv2 (RFC 2236) and MLDv1 (RFC 2710).</summary>
internal sealed class GroupMembership(InternetLayer layer, IpInterface owner)
{
    /// <summary>How many groups an interface joins: netback filters for as many.</summary>
    public const int Capacity = 64;

    /// <summary>Within this time a report is repeated, since the first may be lost (RFC 2236, section 8.10).</summary>
    private const long UnsolicitedReportInterval = 10 * StackTime.Second;

    private static readonly InternetAddress AllSystems = InternetAddress.FromIPv4(0xE000_0001);
    private static readonly InternetAddress AllRouters = InternetAddress.FromIPv4(0xE000_0002);

    private readonly Dictionary<InternetAddress, Membership> _groups = new();

    public IEnumerable<InternetAddress> Joined => _groups.Keys;

    /// <summary>Whether packets to the group are for us.</summary>
    public bool IsJoined(InternetAddress group) => _groups.ContainsKey(group);

    /// <summary>Joins a group, or counts one more who wants it. False when there are too many.</summary>
    public bool Join(InternetAddress group)
    {
        if (_groups.TryGetValue(group, out Membership? known))
        {
            known.Users++;
            return true;
        }

        if (_groups.Count == Capacity)
        {
            return false;
        }

        Membership membership = new();
        membership.Timer = new StackTimer(() => SendReport(group, membership));
        _groups.Add(group, membership);
        owner.Link.SetMulticast(MacAddress.OfGroup(group), isJoined: true);
        if (IsReported(group))
        {
            SendReport(group, membership);
            layer.Timers.Set(membership.Timer, layer.Clock.Now + layer.Random.NextTime(UnsolicitedReportInterval));
        }

        return true;
    }

    /// <summary>Counts one less who wants a group, and leaves it after the last.</summary>
    public void Leave(InternetAddress group)
    {
        if (!_groups.TryGetValue(group, out Membership? membership) || --membership.Users > 0)
        {
            return;
        }

        _groups.Remove(group);
        layer.Timers.Cancel(membership.Timer!);
        MacAddress hardware = MacAddress.OfGroup(group);
        if (!_groups.Keys.Any(each => MacAddress.OfGroup(each) == hardware))
        {
            owner.Link.SetMulticast(hardware, isJoined: false);
        }

        if (membership.IsLastReporter && IsReported(group))
        {
            Send(
                group.IsIPv4 ? GroupMessage.IgmpLeave : IcmpV6Type.MulticastListenerDone,
                group,
                group.IsIPv4 ? AllRouters : NeighbourDiscovery.AllRouters);
        }
    }

    /// <summary>A query or a report has arrived.</summary>
    public void Receive(in GroupMessage message, bool isQuery)
    {
        foreach ((InternetAddress group, Membership membership) in _groups)
        {
            bool isMeant = message.Group == group || (isQuery && message.Group.IsAny && message.Group.IsIPv4 == group.IsIPv4);
            if (!isMeant || !IsReported(group))
            {
                continue;
            }

            if (isQuery)
            {
                long due = layer.Clock.Now + layer.Random.NextTime((message.MaximumDelay * StackTime.Millisecond) + 1);
                if (!membership.Timer!.IsSet || membership.Timer.Due > due)
                {
                    layer.Timers.Set(membership.Timer, due);
                }
            }
            else
            {
                // Somebody else has told it: one report is enough for a router.
                layer.Timers.Cancel(membership.Timer!);
                membership.IsLastReporter = false;
            }
        }
    }

    /// <summary>Tells the link's switches anew of all groups: the domain may be at another one.</summary>
    public void Announce()
    {
        foreach ((InternetAddress group, Membership membership) in _groups)
        {
            owner.Link.SetMulticast(MacAddress.OfGroup(group), isJoined: true);
            if (IsReported(group))
            {
                SendReport(group, membership);
            }
        }
    }

    /// <summary>Forgets all groups without a word.</summary>
    public void Clear()
    {
        foreach (Membership membership in _groups.Values)
        {
            layer.Timers.Cancel(membership.Timer!);
        }

        _groups.Clear();
    }

    /// <summary>Everybody is in the groups of all hosts, and interface-local ones do not leave it (RFC 2710, section 5).</summary>
    private static bool IsReported(InternetAddress group) =>
        group != AllSystems && group != NeighbourDiscovery.AllNodes && group != InternetAddress.FromIPv6(0xFF01_0000_0000_0000, 1);

    private void SendReport(InternetAddress group, Membership membership)
    {
        membership.IsLastReporter = true;
        Send(group.IsIPv4 ? GroupMessage.IgmpReport : IcmpV6Type.MulticastListenerReport, group, group);
    }

    private void Send(byte type, InternetAddress group, InternetAddress destination)
    {
        GroupMessage message = new(type, 0, group);
        InterfaceAddress? source = SourceSelection.Choose(owner, destination);
        if (group.IsIPv4)
        {
            PacketBuffer packet = layer.Pool.Rent(GroupMessage.IgmpSize);
            message.WriteIgmp(packet.Append(GroupMessage.IgmpSize));
            layer.IPv4.OutRequests++;
            new IPv4Header
            {
                HasRouterAlert = true,
                TotalLength = IPv4Header.SizeWithRouterAlert + GroupMessage.IgmpSize,
                TrafficClass = 0xC0,
                HopLimit = 1,
                Protocol = ProtocolNumber.Igmp,
                Source = source?.Address ?? InternetAddress.AnyIPv4,
                Destination = destination,
            }.Write(packet.Prepend(IPv4Header.SizeWithRouterAlert));
            owner.SendPacket(packet, MacAddress.OfGroup(destination));
            return;
        }

        SendMld(message, source is { Address.IsIPv6LinkLocal: true } ? source.Address : InternetAddress.AnyIPv6, destination);
    }

    private void SendMld(in GroupMessage message, InternetAddress source, InternetAddress destination)
    {
        PacketBuffer packet = layer.Pool.Rent(GroupMessage.MldSize);
        Span<byte> data = packet.Append(GroupMessage.MldSize);
        message.WriteMld(data);
        IcmpHeader.WriteChecksum(
            data, InternetChecksum.PseudoHeader(source, destination, ProtocolNumber.IcmpV6, GroupMessage.MldSize));
        layer.IcmpV6Statistics.CountSent(data[0]);
        layer.IPv6.OutRequests++;

        // A hop-by-hop header with a router alert for MLD, and padding (RFC 2710, section 3; RFC 2711).
        ReadOnlySpan<byte> routerAlert = [ProtocolNumber.IcmpV6, 0, 5, 2, 0, 0, 1, 0];
        routerAlert.CopyTo(packet.Prepend(routerAlert.Length));
        new IPv6Header
        {
            PayloadLength = routerAlert.Length + GroupMessage.MldSize,
            NextHeader = ProtocolNumber.HopByHop,
            HopLimit = 1,
            Source = source,
            Destination = destination,
        }.Write(packet.Prepend(IPv6Header.Size));
        owner.SendPacket(packet, MacAddress.OfGroup(destination));
    }

    /// <summary>A group that was joined.</summary>
    private sealed class Membership
    {
        public int Users { get; set; } = 1;

        public StackTimer? Timer { get; set; }

        /// <summary>Whether we were the last to report: then routers are told when we leave.</summary>
        public bool IsLastReporter { get; set; }
    }
}
