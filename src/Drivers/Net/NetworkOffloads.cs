namespace Xenlet.Drivers;

/// <summary>Work on frames to be sent that can be left to the back end.</summary>
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

/// <summary>How an interface stands.</summary>
public enum NetworkState
{
    /// <summary>The two ends are about to connect, or the domain is suspended. Senders wait.</summary>
    Connecting,

    /// <summary>
    /// Both ends are connected. It is told anew after each resume and reconnection: the interface may be plugged in elsewhere now, so
    /// whoever has addresses on it announces them.
    /// </summary>
    Up,

    /// <summary>
    /// An end has closed, or the back end broke the protocol. What is sent is lost, as on an unplugged cable. It may connect again.
    /// </summary>
    Closed,

    /// <summary>It was taken away, for ever.</summary>
    Gone,
}
