namespace Xenlet.Kernel.Sockets;

/// <summary>The kinds of sockets, with the numbers of Linux's SOCK_ constants (bits/socket_type.h).</summary>
public enum SocketKind
{
    /// <summary>SOCK_STREAM: TCP.</summary>
    Stream = 1,

    /// <summary>SOCK_DGRAM: UDP.</summary>
    Datagram = 2,

    /// <summary>
    /// NETLINK_ROUTE, which is the same as SOCK_RAW and as SOCK_DGRAM. Its messages are datagrams; an address's lower half is the port,
    /// its upper half the groups, and its <see cref="SocketEndpoint.Port"/> is 1 where there is an address.
    /// </summary>
    Netlink = 3,

    /// <summary>
    /// No socket of the program, but a question of the nucleus: <see cref="SocketCall.ReadFile"/> or <see cref="SocketCall.AskInterface"/>.
    /// What is asked can be copied as bytes to send, the answer is written as received ones, and after <see cref="ISocketHost.Complete"/>
    /// the stack has no more to do with it.
    /// </summary>
    Query = 16,
}
