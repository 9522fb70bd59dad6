namespace Xenlet.Net.Internet;

/// <summary>What happened to a packet, in the terms of both ICMP and ICMPv6, with the error that Linux makes of it.</summary>
internal enum IcmpErrorKind
{
    /// <summary>A router has no route (ENETUNREACH).</summary>
    NetworkUnreachable,

    /// <summary>The host does not answer, or a router may not let the packet through (EHOSTUNREACH, EACCES of ICMPv6).</summary>
    HostUnreachable,

    /// <summary>The neighbour does not answer: not an ICMP message but what our own stack has seen (EHOSTUNREACH).</summary>
    NeighbourUnreachable,

    /// <summary>The host does not speak the protocol (ENOPROTOOPT).</summary>
    ProtocolUnreachable,

    /// <summary>Nobody listens there (ECONNREFUSED).</summary>
    PortUnreachable,

    /// <summary>The packet went over too many routers, or its fragments did not all arrive (EHOSTUNREACH).</summary>
    TimeExceeded,

    /// <summary>A header was not accepted (EPROTO).</summary>
    ParameterProblem,

    /// <summary>The packet is too large for a link on its way (EMSGSIZE).</summary>
    PacketTooBig,

    /// <summary>The packet arrives all the same, but another router is nearer. Transports only say whether it may be theirs.</summary>
    Redirect,
}
