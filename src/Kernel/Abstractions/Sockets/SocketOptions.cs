namespace Xenlet.Kernel.Sockets;

/// <summary>A socket's options that the stack obeys. The nucleus keeps them and answers getsockopt.</summary>
public readonly record struct SocketOptions
{
    /// <summary>IPV6_V6ONLY: the socket does not serve IPv4.</summary>
    public bool IsIPv6Only { get; init; }

    /// <summary>SO_REUSEADDR.</summary>
    public bool ReusesAddress { get; init; }

    /// <summary>SO_REUSEPORT.</summary>
    public bool ReusesPort { get; init; }

    /// <summary>SO_BROADCAST: datagrams to broadcast addresses are allowed.</summary>
    public bool AllowsBroadcast { get; init; }

    /// <summary>TCP_NODELAY: Nagle's algorithm is off.</summary>
    public bool NoDelay { get; init; }

    /// <summary>SO_KEEPALIVE.</summary>
    public bool KeepsAlive { get; init; }

    /// <summary>TCP_KEEPIDLE, in seconds.</summary>
    public int KeepAliveTime { get; init; }

    /// <summary>TCP_KEEPINTVL, in seconds.</summary>
    public int KeepAliveInterval { get; init; }

    /// <summary>TCP_KEEPCNT.</summary>
    public int KeepAliveProbes { get; init; }

    /// <summary>TCP_USER_TIMEOUT, in milliseconds; 0 for none.</summary>
    public int UserTimeout { get; init; }

    /// <summary>TCP_MAXSEG; 0 for none.</summary>
    public int MaximumSegment { get; init; }

    /// <summary>IP_TTL; -1 for the stack's own.</summary>
    public int TimeToLive { get; init; }

    /// <summary>IPV6_UNICAST_HOPS; -1 for the stack's own.</summary>
    public int HopLimit { get; init; }

    /// <summary>IP_TOS.</summary>
    public int TypeOfService { get; init; }

    /// <summary>IPV6_TCLASS.</summary>
    public int TrafficClass { get; init; }

    /// <summary>IP_MULTICAST_TTL.</summary>
    public int MulticastTimeToLive { get; init; }

    /// <summary>IPV6_MULTICAST_HOPS.</summary>
    public int MulticastHopLimit { get; init; }

    /// <summary>IP_MULTICAST_LOOP and IPV6_MULTICAST_LOOP: own groups hear what the socket sends.</summary>
    public bool LoopsMulticast { get; init; }

    /// <summary>IP_MULTICAST_IF and IPV6_MULTICAST_IF: the index of an interface; 0 for none.</summary>
    public int MulticastInterface { get; init; }

    /// <summary>IP_MULTICAST_IF by address; <c>default</c> for none.</summary>
    public SocketEndpoint MulticastAddress { get; init; }

    /// <summary>IP_MTU_DISCOVER is IP_PMTUDISC_DO: datagrams are not fragmented.</summary>
    public bool DoesNotFragment { get; init; }

    /// <summary>IP_RECVERR: every ICMP error goes to the error queue.</summary>
    public bool ReceivesErrors4 { get; init; }

    /// <summary>IPV6_RECVERR.</summary>
    public bool ReceivesErrors6 { get; init; }

    /// <summary>SO_RCVBUF, in bytes, as getsockopt returns it.</summary>
    public int ReceiveBuffer { get; init; }

    /// <summary>SO_SNDBUF, in bytes, as getsockopt returns it.</summary>
    public int SendBuffer { get; init; }
}
