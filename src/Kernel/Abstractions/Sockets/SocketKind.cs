namespace Xenlet.Kernel.Sockets;

/// <summary>The kinds of sockets, with the numbers of Linux's SOCK_ constants (bits/socket_type.h).</summary>
public enum SocketKind
{
    /// <summary>SOCK_STREAM: TCP.</summary>
    Stream = 1,

    /// <summary>SOCK_DGRAM: UDP.</summary>
    Datagram = 2,
}
