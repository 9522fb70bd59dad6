using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <summary>What a connection's user may set, at any time; times in nanoseconds.</summary>
internal sealed class TcpSettings
{
    /// <summary>Whether small segments are sent at once (TCP_NODELAY).</summary>
    public bool IsNoDelay { get; set; }

    /// <summary>Whether a silent peer is probed (SO_KEEPALIVE); off unless asked for (RFC 9293, MUST-25).</summary>
    public bool IsKeepAlive { get; set; }

    /// <summary>Silence before the first probe (TCP_KEEPIDLE).</summary>
    public long KeepAliveIdle { get; set; } = TcpTimes.KeepAliveIdle;

    /// <summary>Between two probes (TCP_KEEPINTVL).</summary>
    public long KeepAliveInterval { get; set; } = TcpTimes.KeepAliveInterval;

    /// <summary>Probes without an answer before the connection ends (TCP_KEEPCNT).</summary>
    public int KeepAliveProbes { get; set; } = TcpTimes.KeepAliveProbes;

    /// <summary>For how long data may stay unacknowledged (TCP_USER_TIMEOUT); 0 for as long as retransmissions go on.</summary>
    public long UserTimeout { get; set; }

    /// <summary>The largest segment that is sent or asked for (TCP_MAXSEG), in bytes; 0 for what the path carries.</summary>
    public int MaximumSegmentSize { get; set; }

    /// <summary>The traffic class of packets (IP_TOS, IPV6_TCLASS).</summary>
    public byte TrafficClass { get; set; }

    /// <summary>The hop limit of packets (IP_TTL); 0 for the stack's.</summary>
    public byte HopLimit { get; set; }

    /// <summary>The only interface that is used (SO_BINDTODEVICE); 0 for all.</summary>
    public int BoundInterface { get; set; }

    /// <summary>The hosts that packets of IPv4 go through (IP_OPTIONS); null for the way that routers choose.</summary>
    public SourceRoute? Route { get; set; }

    /// <summary>Takes over the settings of a listener.</summary>
    public void CopyFrom(TcpSettings other)
    {
        IsNoDelay = other.IsNoDelay;
        IsKeepAlive = other.IsKeepAlive;
        KeepAliveIdle = other.KeepAliveIdle;
        KeepAliveInterval = other.KeepAliveInterval;
        KeepAliveProbes = other.KeepAliveProbes;
        UserTimeout = other.UserTimeout;
        MaximumSegmentSize = other.MaximumSegmentSize;
        TrafficClass = other.TrafficClass;
        HopLimit = other.HopLimit;
        BoundInterface = other.BoundInterface;
        Route = other.Route;
    }
}
