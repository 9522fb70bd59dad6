namespace Xenlet.Drivers;

/// <summary>Work on sent frames that a back end can do.</summary>
[Flags]
public enum NetworkOffloads
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The checksum of TCP and UDP over IPv4.</summary>
    ChecksumV4 = 1 << 0,

    /// <summary>The checksum of TCP and UDP over IPv6.</summary>
    ChecksumV6 = 1 << 1,

    /// <summary>Frames of up to 65535 bytes are cut into TCP segments over IPv4.</summary>
    SegmentTcpV4 = 1 << 2,

    /// <summary>Frames of up to 65535 bytes are cut into TCP segments over IPv6.</summary>
    SegmentTcpV6 = 1 << 3,
}

/// <summary>The state of a network interface.</summary>
public enum NetworkState
{
    /// <summary>The two ends are connecting, or the domain is suspended. Senders wait.</summary>
    Connecting,

    /// <summary>
    /// Both ends are connected. It is announced again after each resume and reconnection: the interface may now be on another network, so
    /// its user announces the addresses that it has on it.
    /// </summary>
    Up,

    /// <summary>
    /// An end has closed, or the back end broke the protocol. Sent frames are lost, as on an unplugged cable. It may connect again.
    /// </summary>
    Closed,

    /// <summary>It was removed, for ever.</summary>
    Gone,
}
