namespace Xenlet.Kernel.Sockets;

/// <summary>An error about a datagram, for a socket's error queue: what sock_extended_err (linux/errqueue.h) tells of it.</summary>
public readonly record struct SocketErrorReport
{
    /// <summary>ee_errno.</summary>
    public SocketErrno Reason { get; init; }

    /// <summary>Where the datagram went.</summary>
    public SocketEndpoint Remote { get; init; }

    /// <summary>SO_EE_OFFENDER: who has told. Its family says whether by ICMP or ICMPv6 (ee_origin).</summary>
    public SocketEndpoint Offender { get; init; }

    /// <summary>ee_type: the ICMP message's.</summary>
    public byte Type { get; init; }

    /// <summary>ee_code.</summary>
    public byte Code { get; init; }

    /// <summary>ee_info: the MTU, or 0.</summary>
    public int Info { get; init; }
}
