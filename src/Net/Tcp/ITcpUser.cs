namespace Xenlet.Net.Tcp;

/// <summary>Who owns a connection: a socket, or a test. Called by the stack's thread; it must not wait.</summary>
internal interface ITcpUser
{
    /// <summary>What the user has written.</summary>
    ITcpSendQueue SendQueue { get; }

    /// <summary>Where what the peer has sent goes.</summary>
    ITcpReceiveQueue ReceiveQueue { get; }

    /// <summary>The connection is established.</summary>
    void OnConnected();

    /// <summary>The peer has sent all that it will (FIN).</summary>
    void OnPeerFinished();

    /// <summary>
    /// The connection has ended, or its user has closed it and the peer has acknowledged all: the stack needs the user's queues no more.
    /// </summary>
    /// <param name="error">Why: none after an orderly end.</param>
    void OnEnded(TcpError error);
}
