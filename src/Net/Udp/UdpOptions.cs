namespace Xenlet.Net;

/// <summary>
/// What an endpoint's user may set, by the names of the socket options. All of it may change at any time but where it says so.
/// </summary>
public sealed class UdpOptions
{
    /// <summary>Whether an endpoint of IPv6 serves IPv6 alone (IPV6_V6ONLY); not after it is bound.</summary>
    public bool IsV6Only { get; set; }

    /// <summary>Whether others that allow it too may have the same port (SO_REUSEADDR); not after it is bound.</summary>
    public bool CanReuseAddress { get; set; }

    /// <summary>
    /// Whether datagrams are shared out among endpoints of one port that all allow it (SO_REUSEPORT); not after it is bound.
    /// </summary>
    public bool CanReusePort { get; set; }

    /// <summary>Whether broadcasts may be sent (SO_BROADCAST).</summary>
    public bool CanBroadcast { get; set; }

    /// <summary>Whether datagrams that are too large for the path are refused and not cut (IP_MTU_DISCOVER).</summary>
    public bool IsDontFragment { get; set; }

    /// <summary>
    /// Whether the user hears of every ICMP error of IPv4 about its datagrams, connected or not (IP_RECVERR).
    /// </summary>
    public bool ReceivesErrors4 { get; set; }

    /// <summary>The same of IPv6 (IPV6_RECVERR).</summary>
    public bool ReceivesErrors6 { get; set; }

    /// <summary>The hop limit (IP_TTL, IPV6_UNICAST_HOPS); 0 for the stack's.</summary>
    public byte HopLimit { get; set; }

    /// <summary>The hop limit to groups (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS).</summary>
    public byte MulticastHopLimit { get; set; } = 1;

    /// <summary>The traffic class (IP_TOS, IPV6_TCLASS).</summary>
    public byte TrafficClass { get; set; }

    /// <summary>Whether datagrams to a group reach members on this machine too (IP_MULTICAST_LOOP).</summary>
    public bool IsMulticastLoop { get; set; } = true;

    /// <summary>The interface for datagrams to groups (IP_MULTICAST_IF); 0 for the route's.</summary>
    public int MulticastInterface { get; set; }

    /// <summary>The only interface that is used (SO_BINDTODEVICE); 0 for all.</summary>
    public int BoundInterface { get; set; }
}
