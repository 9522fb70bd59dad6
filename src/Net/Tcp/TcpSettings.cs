using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <summary>What a connection's user may set, at any time; times in nanoseconds. Many connections may have the same.</summary>
internal sealed record TcpSettings
{
    /// <summary>What counts until a user sets something.</summary>
    public static TcpSettings Default { get; } = new();

    /// <summary>Whether small segments are sent at once (TCP_NODELAY).</summary>
    public bool IsNoDelay { get; init; }

    /// <summary>Whether a silent peer is probed (SO_KEEPALIVE); off unless asked for (RFC 9293, MUST-25).</summary>
    public bool IsKeepAlive { get; init; }

    /// <summary>Silence before the first probe (TCP_KEEPIDLE).</summary>
    public long KeepAliveIdle { get; init; } = TcpTimes.KeepAliveIdle;

    /// <summary>Between two probes (TCP_KEEPINTVL).</summary>
    public long KeepAliveInterval { get; init; } = TcpTimes.KeepAliveInterval;

    /// <summary>Probes without an answer before the connection ends (TCP_KEEPCNT).</summary>
    public int KeepAliveProbes { get; init; } = TcpTimes.KeepAliveProbes;

    /// <summary>For how long data may stay unacknowledged (TCP_USER_TIMEOUT); 0 for as long as retransmissions go on.</summary>
    public long UserTimeout { get; init; }

    /// <summary>The largest segment that is sent or asked for (TCP_MAXSEG), in bytes; 0 for what the path carries.</summary>
    public int MaximumSegmentSize { get; init; }

    /// <summary>The traffic class of packets (IP_TOS, IPV6_TCLASS).</summary>
    public byte TrafficClass { get; init; }

    /// <summary>The hop limit of packets (IP_TTL); 0 for the stack's.</summary>
    public byte HopLimit { get; init; }

    /// <summary>The only interface that is used (SO_BINDTODEVICE); 0 for all.</summary>
    public int BoundInterface { get; init; }

    /// <summary>The hosts that packets of IPv4 go through (IP_OPTIONS); null for the way that routers choose.</summary>
    public SourceRoute? Route { get; init; }
}
