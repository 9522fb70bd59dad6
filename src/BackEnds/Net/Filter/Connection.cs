using Xenlet.Net;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>What is remembered of a connection, in the table of the port from which it was opened.</summary>
internal struct Connection
{
    /// <summary>What it carries.</summary>
    public byte Protocol;

    /// <summary>Its ends, the opener's as the local one.</summary>
    public Flow Flow;

    /// <summary>The <see cref="FilterPort.Number"/> of the other port.</summary>
    public uint Peer;

    /// <summary>The type of the ICMP message that opened it.</summary>
    public byte IcmpType;

    /// <summary>The change of rules since which nobody has asked them whether they accept it.</summary>
    public int RulesChange;

    /// <summary>How far it has come.</summary>
    public ConnectionAge Age;

    /// <summary>When its last packet came, in nanoseconds.</summary>
    public long SeenAt;

    /// <summary>TCP's windows.</summary>
    public TcpTrack Tcp;

    /// <summary>What rules have seen of its first packet.</summary>
    public readonly RuleSubject Opening => new(Protocol, IcmpType == 0 ? Flow : Flow.WithoutPorts, IcmpType);
}
