namespace Xenlet.Net.Tcp;

/// <summary>
/// What a connection's user has written and the peer has not acknowledged. In a guest it is the socket's ring in the nucleus; the user
/// appends at any time, and tells the connection by <c>TcpConnection.OnWritten</c>. As a payload it begins with the first unacknowledged
/// byte.
/// </summary>
internal interface ITcpSendQueue : IPacketPayload
{
    /// <summary>Bytes from the first unacknowledged one to the last one written.</summary>
    int Length { get; }

    /// <summary>
    /// The peer has acknowledged the first <paramref name="count"/> bytes: they are needed no more. Where that costs a call, it can wait
    /// for <see cref="FinishRelease"/>, or for a call that has to be made anyway.
    /// </summary>
    void Release(int count);

    /// <summary>All of a segment that has released something is taken.</summary>
    void FinishRelease()
    {
    }
}
