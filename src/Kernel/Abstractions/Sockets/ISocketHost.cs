namespace Xenlet.Kernel.Sockets;

/// <summary>
/// The kernel's sockets, as the stack sees them. docs/sockets.md describes the protocol. The stack's one thread calls all members but
/// <see cref="Wake"/>; none of them waits, except <see cref="Wait"/>.
/// </summary>
/// <remarks>
/// A handle that names no socket, or an argument outside of a ring, is a defect of the stack: the member throws
/// <see cref="ArgumentException"/> and changes nothing.
/// </remarks>
public interface ISocketHost : IDisposable
{
    /// <summary>
    /// Waits until a socket has a request, an event arrives on a channel of <see cref="Watch"/>, <see cref="Wake"/> is called, or the
    /// deadline passes, and takes as many requests as fit. Waits of the program for watched channels that have had an event end on this
    /// thread, before the method returns.
    /// </summary>
    /// <param name="requests">Receives the requests, oldest first. It may be empty.</param>
    /// <param name="deadline">
    /// A timestamp of <see cref="System.Diagnostics.Stopwatch"/>; one that has passed does not wait; <see cref="long.MaxValue"/> is none.
    /// </param>
    /// <returns>The number of requests.</returns>
    int Wait(Span<SocketRequest> requests, long deadline);

    /// <summary>Ends the current wait, or else the next one. Any thread may call it.</summary>
    void Wake();

    /// <summary>
    /// Takes over the events of a channel: they end <see cref="Wait"/>, and waits of <see cref="IEventChannel.WaitAsync"/> end within it,
    /// without another thread. This lasts until the channel ends; one that has ended already has none.
    /// </summary>
    void Watch(IEventChannel channel);

    /// <summary>
    /// Tells whether every address of a family has a route. Where it has not, a sender of datagrams asks first
    /// (<see cref="SocketCall.FindRoute"/>). Until the first call it is taken to have one.
    /// </summary>
    void SetRoutes(bool isIPv4, bool isIPv6);

    /// <summary>
    /// Answers a socket's call. For <see cref="SocketCall.Connect"/> of a stream, success makes the socket connected. An error of a
    /// connect that nobody waits for is what SO_ERROR returns.
    /// </summary>
    void Complete(SocketHandle socket, SocketErrno result);

    /// <summary>Answers <see cref="SocketCall.ReadFile"/> with what was written and committed.</summary>
    /// <param name="file">The query, whose handle ends.</param>
    /// <param name="modified">When the content last changed.</param>
    void CompleteFile(SocketHandle file, DateTime modified);

    /// <summary>Sets what getsockname returns, and whether the socket is bound: port 0 is none.</summary>
    void SetLocalEndpoint(SocketHandle socket, SocketEndpoint endpoint);

    /// <summary>Sets what getpeername returns; port 0 is none.</summary>
    void SetRemoteEndpoint(SocketHandle socket, SocketEndpoint endpoint);

    /// <summary>Reads the socket's options.</summary>
    SocketOptions ReadOptions(SocketHandle socket);

    /// <summary>
    /// The connection has ended with an error, or an error concerns a datagram that was sent (an ICMP message). The program gets it once,
    /// from its next call or SO_ERROR. After a stream's error, reading returns what was received before and then the end.
    /// </summary>
    void Fail(SocketHandle socket, SocketErrno reason);

    /// <summary>
    /// The stack needs the socket no more. Only after <see cref="SocketSignals.Closed"/>. Its pages are free, and the handle ends.
    /// </summary>
    void Release(SocketHandle socket);

    /// <summary>Bytes of a stream that were written and not released.</summary>
    int GetSendLength(SocketHandle socket);

    /// <summary>Bytes that were received and not read.</summary>
    int GetReceiveLength(SocketHandle socket);

    /// <summary>
    /// Bytes from the first unreleased one up to the end of the last that was written as urgent data (MSG_OOB); 0 if all of those are
    /// released.
    /// </summary>
    int GetUrgentLength(SocketHandle socket);

    /// <summary>Copies written bytes that begin <paramref name="offset"/> behind the first unreleased one. All of them are there.</summary>
    void CopySent(SocketHandle socket, int offset, Span<byte> destination);

    /// <summary>The same, to several places one after the other.</summary>
    void CopySent(SocketHandle socket, int offset, ReadOnlySpan<Memory<byte>> destinations);

    /// <summary>The first <paramref name="count"/> written bytes are needed no more; the program may write as many.</summary>
    void ReleaseSent(SocketHandle socket, int count);

    /// <summary>
    /// Tells that all that a stream has to send is under way, and that more would be if there were more: its send queue limits it, and may
    /// grow, as on Linux, unless the program has set its size or memory is short.
    /// </summary>
    /// <returns>The queue's size in bytes; 0 if it will not grow.</returns>
    int GrowSendQueue(SocketHandle socket);

    /// <summary>
    /// How many bytes a stream can take behind the last committed one: what SO_RCVBUF leaves, or less if the memory of all sockets is
    /// short.
    /// </summary>
    int GetReceiveRoom(SocketHandle socket);

    /// <summary>
    /// Writes received bytes that begin <paramref name="offset"/> behind the last committed one. The program does not see them before
    /// <see cref="Commit"/>. Data that arrives before its turn is written behind the gap.
    /// </summary>
    /// <returns>False if there is no memory or no room: nothing was written that counts.</returns>
    bool TryWrite(SocketHandle socket, int offset, ReadOnlySpan<byte> data);

    /// <summary>The next <paramref name="count"/> bytes have been written without a gap: the program may read them.</summary>
    void Commit(SocketHandle socket, int count);

    /// <summary>
    /// Writes received bytes right behind the last committed one, and commits them, as <see cref="TryWrite"/> and <see cref="Commit"/> do.
    /// </summary>
    /// <param name="socket">The socket.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="released">
    /// Written bytes that are released before, as <see cref="ReleaseSent"/> does, whatever becomes of the data.
    /// </param>
    /// <returns>The room that is left, as <see cref="GetReceiveRoom"/> has it; -1 if there was none: nothing was written.</returns>
    int Append(SocketHandle socket, ReadOnlySpan<byte> data, int released);

    /// <summary>The same with bytes from several places: all of them or none. Each is read once.</summary>
    int Append(SocketHandle socket, ReadOnlySpan<ReadOnlyMemory<byte>> pieces, int released);

    /// <summary>
    /// The peer has urgent data up to a byte that lies <paramref name="offset"/> behind the last committed one, committed or not yet. The
    /// program's reads stop there (SIOCATMARK). A later mark takes the place of an earlier one.
    /// </summary>
    /// <param name="socket">A stream.</param>
    /// <param name="offset">Below 2^31.</param>
    /// <param name="value">The byte, which the program may take at once (MSG_OOB); -1 if it has not come yet.</param>
    void MarkUrgent(SocketHandle socket, int offset, int value);

    /// <summary>The peer sends nothing more: after the last committed byte the program reads the end.</summary>
    void FinishReceive(SocketHandle socket);

    /// <summary>
    /// Offers a connection to a listening socket's program: a new, connected socket that inherits the listener's options and waits to be
    /// accepted.
    /// </summary>
    /// <returns>False if the queue is full, or there is no memory.</returns>
    bool TryOffer(SocketHandle listener, SocketEndpoint local, SocketEndpoint remote, out SocketHandle socket);

    /// <summary>How many connections the listening socket's queue can still take.</summary>
    int GetOfferRoom(SocketHandle listener);

    /// <summary>Delivers a datagram.</summary>
    /// <returns>False if there is no room or no memory: the datagram is lost.</returns>
    bool TryDeliver(SocketHandle socket, in DatagramHeader header, ReadOnlySpan<byte> payload);

    /// <summary>
    /// An error concerns a datagram, of a socket that asks for all of them (<see cref="SocketOptions.ReceivesErrors4"/>): it waits in the
    /// error queue, and is pending as with <see cref="Fail"/>. When the queue is full it is only pending.
    /// </summary>
    /// <param name="socket">A socket of datagrams.</param>
    /// <param name="report">What has happened.</param>
    /// <param name="payload">What is known of the datagram's data.</param>
    void QueueError(SocketHandle socket, in SocketErrorReport report, ReadOnlySpan<byte> payload);

    /// <summary>The answer of <see cref="TakeDatagram"/> when the buffer is too small.</summary>
    const int TooLong = -2;

    /// <summary>Takes the next datagram to send.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="header">Where it goes.</param>
    /// <param name="buffer">Receives its bytes. Each fits into 65,535.</param>
    /// <returns>Its length; -1 if there is none; <see cref="TooLong"/> if it is longer than the buffer: it stays.</returns>
    int TakeDatagram(SocketHandle socket, out DatagramHeader header, Span<byte> buffer);

    /// <summary>
    /// The program ends, though its threads still run: all its sockets close as with their last descriptors
    /// (<see cref="SocketSignals.Closed"/> and <see cref="SocketSignals.Aborted"/> follow), and none of its calls for a socket returns any
    /// more, nor does a socket have further events.
    /// </summary>
    void EndProgram();
}
