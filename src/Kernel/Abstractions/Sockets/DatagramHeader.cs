namespace Xenlet.Kernel.Sockets;

/// <summary>What goes with a datagram besides its bytes.</summary>
public readonly record struct DatagramHeader
{
    /// <summary>Of a received datagram, where it came from; of one to be sent, where it goes.</summary>
    public SocketEndpoint Remote { get; init; }

    /// <summary>
    /// Of a received datagram, the address that it was sent to; of one to be sent, the address that the program chose for it (IP_PKTINFO,
    /// IPV6_PKTINFO), or <c>default</c>.
    /// </summary>
    public SocketEndpoint Local { get; init; }

    /// <summary>The interface that it came by; of one to be sent, the one that the program chose, or 0.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>Of a received datagram, its time to live or hop limit.</summary>
    public byte HopLimit { get; init; }

    /// <summary>Of a received datagram, its type of service or traffic class.</summary>
    public byte TrafficClass { get; init; }
}
