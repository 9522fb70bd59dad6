namespace Xenlet.Kernel.Sockets;

/// <summary>What has happened to a socket since the stack's last request for it. Signals of one kind coalesce.</summary>
[Flags]
public enum SocketSignals
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The program has written bytes, or datagrams.</summary>
    Written = 1,

    /// <summary>The program has taken received bytes, so that there is more room.</summary>
    Consumed = 2,

    /// <summary>The program writes nothing more (shutdown): after the last byte comes the end.</summary>
    SendShutDown = 4,

    /// <summary>The program reads nothing more (shutdown). What arrives may be discarded.</summary>
    ReceiveShutDown = 8,

    /// <summary>
    /// No descriptor is left. What was written is still to be sent; nobody reads. The stack releases the socket as soon as it needs neither
    /// its rings nor its options: for a stream, when the peer has acknowledged everything, the end included.
    /// </summary>
    Closed = 16,

    /// <summary>
    /// With <see cref="Closed"/>: the connection has to be reset, because received data was never read, or because of SO_LINGER with no
    /// time. Bytes not sent yet are discarded.
    /// </summary>
    Aborted = 32,

    /// <summary>An option was set: <see cref="ISocketHost.ReadOptions"/>.</summary>
    OptionsChanged = 64,

    /// <summary>The program has accepted a connection, so that there is room for another one.</summary>
    Accepted = 128,

    /// <summary>With <see cref="Written"/>: urgent data (MSG_OOB) was written: <see cref="ISocketHost.GetUrgentLength"/>.</summary>
    Urgent = 256,
}
