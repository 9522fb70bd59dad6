namespace Xenlet.Net.Tcp;

/// <summary>
/// Where a connection's data waits for its user. Data that arrives before its turn is written behind the gap, and committed when the gap
/// is filled, so that it needs no memory of its own. In a guest it is the socket's ring in the nucleus; the user takes bytes at any time,
/// and tells the connection by <c>TcpConnection.OnConsumed</c>.
/// </summary>
internal interface ITcpReceiveQueue
{
    /// <summary>The most that <see cref="Room"/> will ever be, in bytes; asked once, to choose how windows are scaled.</summary>
    int Capacity { get; }

    /// <summary>
    /// How many bytes fit behind the last committed one. What was offered to the peer as a window is not taken back (RFC 9293, section
    /// 3.8.6): a queue that runs out of memory answers less room for new data only.
    /// </summary>
    int Room { get; }

    /// <summary>
    /// Writes bytes that begin <paramref name="offset"/> behind the last committed one, within <see cref="Room"/>. False when there is no
    /// memory for them: they count as never arrived, and are not acknowledged.
    /// </summary>
    bool TryWrite(int offset, ReadOnlySpan<byte> data);

    /// <summary>
    /// Writes bytes that are next in order, and commits them. False when there is no memory for them, as with <see cref="TryWrite"/>.
    /// </summary>
    bool TryAppend(SegmentData data)
    {
        if (!TryWrite(0, data.Span))
        {
            return false;
        }

        Commit(data.Length);
        return true;
    }

    /// <summary>The next <paramref name="count"/> bytes are whole and in order: the user may take them.</summary>
    void Commit(int count);

    /// <summary>
    /// The peer has urgent data up to a byte that lies <paramref name="offset"/> behind the last committed one. A later mark takes the
    /// place of an earlier one. A user that does not look for it finds the byte in its place among the others.
    /// </summary>
    /// <param name="offset">0 or more.</param>
    /// <param name="value">The byte, which may have come before its turn; -1 when it has not come yet.</param>
    void MarkUrgent(int offset, int value)
    {
    }
}
