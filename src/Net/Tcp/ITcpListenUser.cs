namespace Xenlet.Net.Tcp;

/// <summary>Who owns a listener: a socket, or a test. Called by the stack's thread; it must not wait.</summary>
internal interface ITcpListenUser
{
    /// <summary>Whether one more connection fits into the queue of those that wait to be accepted.</summary>
    bool HasRoom { get; }

    /// <summary>The most that the receive queue of a new connection will ever hold, in bytes.</summary>
    int ReceiveCapacity { get; }

    /// <summary>
    /// A peer has opened a connection: the owner makes a user for it, or answers null when its queue is full; then the peer tries again.
    /// The connection's <see cref="ITcpUser.OnConnected"/> follows, from which on it may be used.
    /// </summary>
    ITcpUser? OnConnection(in Flow flow);

    /// <summary>Gives the user the connection that it was made for.</summary>
    void OnAccepted(ITcpUser user, TcpConnection connection);
}
