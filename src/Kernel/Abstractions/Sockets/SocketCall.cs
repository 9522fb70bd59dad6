namespace Xenlet.Kernel.Sockets;

/// <summary>A call whose result only the stack knows. The caller waits for <see cref="ISocketHost.Complete"/>.</summary>
public enum SocketCall
{
    /// <summary>No call: the request has signals only.</summary>
    None,

    /// <summary>
    /// bind to <see cref="SocketRequest.Endpoint"/>, whose port 0 asks for any free one. A datagram socket that sends without an address of
    /// its own makes this call first, for any address. The stack sets the local endpoint before it answers.
    /// </summary>
    Bind,

    /// <summary>
    /// connect to <see cref="SocketRequest.Endpoint"/>. The stack sets both endpoints, and answers a datagram socket at once, a stream when
    /// the connection is established or has failed. A non-blocking caller does not wait for that.
    /// </summary>
    Connect,

    /// <summary>
    /// connect to AF_UNSPEC. A datagram socket has no remote endpoint any more; a stream's connection is reset, or it stops listening.
    /// </summary>
    Disconnect,

    /// <summary>
    /// listen. <see cref="SocketRequest.Argument"/> is the greatest number of connections that may wait to be accepted. A socket that
    /// already listens only changes it. A socket without a local endpoint gets one.
    /// </summary>
    Listen,

    /// <summary>
    /// Joins the multicast group <see cref="SocketRequest.Endpoint"/> on the interface <see cref="SocketRequest.Argument"/>; 0: on the
    /// interface that has the address <see cref="SocketRequest.InterfaceAddress"/>, or that the stack chooses if this is any address.
    /// </summary>
    JoinGroup,

    /// <summary>Leaves a multicast group, named as for <see cref="JoinGroup"/>.</summary>
    LeaveGroup,

    /// <summary>
    /// The content of the file whose path the query's bytes are: written and committed before <see cref="ISocketHost.CompleteFile"/>;
    /// ENOENT if there is no such file.
    /// </summary>
    ReadFile,

    /// <summary>
    /// ioctl of an interface: <see cref="SocketRequest.Argument"/> is its command, the query's 40 bytes an ifreq (linux/if.h). The answer
    /// is the ifreq with what was asked for.
    /// </summary>
    AskInterface,

    /// <summary>
    /// Whether there is an interface with the index <see cref="SocketRequest.Argument"/>, or if that is 0 with the address
    /// <see cref="SocketRequest.Endpoint"/>; ENODEV if there is none.
    /// </summary>
    FindInterface,

    /// <summary>
    /// SO_BINDTODEVICE: the socket uses one interface alone, whose name is in the bytes of the address of
    /// <see cref="SocketRequest.Endpoint"/>; all 0 for any. ENODEV if there is none.
    /// </summary>
    BindToDevice,

    /// <summary>
    /// Whether a datagram of <see cref="SocketRequest.Argument"/> bytes to <see cref="SocketRequest.Endpoint"/> can be sent now.
    /// </summary>
    FindRoute,

    /// <summary>
    /// The value of the option <see cref="SocketRequest.Argument"/>, a <see cref="StackOption"/>, of the socket whose handle the query has
    /// in its 8 bytes. The answer is the value's bytes.
    /// </summary>
    ReadOption,

    /// <summary>
    /// Sets an option: the query has the value's bytes behind the socket's handle. EINVAL for a value that it cannot have.
    /// </summary>
    WriteOption,
}
