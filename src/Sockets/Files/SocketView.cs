using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.Sockets.Files;

/// <summary>A socket as /proc/net shows one.</summary>
/// <param name="IsStream">Whether it is of TCP, not of UDP.</param>
/// <param name="IsIPv6">Whether it is a socket of IPv6, whose addresses of IPv4 are mapped ones.</param>
/// <param name="Local">The local address and port.</param>
/// <param name="Remote">The peer; any address and port 0 without one.</param>
/// <param name="State">The number of Linux's state (net/tcp_states.h), which the stack has too.</param>
/// <param name="SendQueue">Bytes written and not acknowledged.</param>
/// <param name="ReceiveQueue">Bytes received and not read.</param>
internal sealed record SocketView(
    bool IsStream, bool IsIPv6, Endpoint Local, Endpoint Remote, int State, int SendQueue, int ReceiveQueue)
{
    /// <summary>The number by which fstat knows the socket too; 0 when its program has let go.</summary>
    public uint Inode { get; init; }

    /// <summary>What a connection's timer is for.</summary>
    public TcpTimerView Timer { get; init; }

    /// <summary>TCP_ESTABLISHED, which a connected socket of datagrams has too.</summary>
    public const int Established = 1;

    /// <summary>TCP_TIME_WAIT.</summary>
    public const int TimeWait = 6;

    /// <summary>TCP_CLOSE, the state of a socket of datagrams without a peer.</summary>
    public const int Closed = 7;

    /// <summary>TCP_LISTEN.</summary>
    public const int Listening = 10;

    /// <summary>No peer.</summary>
    public static Endpoint Nobody(bool isIPv6) => new(isIPv6 ? InternetAddress.AnyIPv6 : InternetAddress.AnyIPv4, 0);
}
