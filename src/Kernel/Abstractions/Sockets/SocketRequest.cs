namespace Xenlet.Kernel.Sockets;

/// <summary>What one socket wants of the stack. A socket appears at most once in a batch.</summary>
public readonly record struct SocketRequest
{
    /// <summary>The socket.</summary>
    public SocketHandle Socket { get; init; }

    /// <summary>Whether it is a socket of streams or of datagrams.</summary>
    public SocketKind Kind { get; init; }

    /// <summary>
    /// Whether it is a socket of IPv6. It then serves IPv4 too, by mapped addresses, unless <see cref="SocketOptions.IsIPv6Only"/>.
    /// </summary>
    public bool IsIPv6 { get; init; }

    /// <summary>What has happened.</summary>
    public SocketSignals Signals { get; init; }

    /// <summary>The call that waits for an answer. The next one of the socket comes after <see cref="ISocketHost.Complete"/>.</summary>
    public SocketCall Call { get; init; }

    /// <summary>The call's address.</summary>
    public SocketEndpoint Endpoint { get; init; }

    /// <summary>The address of the interface that <see cref="SocketCall.JoinGroup"/> means.</summary>
    public SocketEndpoint InterfaceAddress { get; init; }

    /// <summary>The call's number: see <see cref="SocketCall"/>.</summary>
    public int Argument { get; init; }

    /// <summary>
    /// How many bytes were written to a stream since its socket was made, modulo 2^32, when the request is taken: those that were released,
    /// and <see cref="ISocketHost.GetSendLength"/>.
    /// </summary>
    public uint Written { get; init; }
}
