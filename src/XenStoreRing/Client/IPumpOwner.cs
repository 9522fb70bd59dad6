namespace Xenlet.XenStoreRing.Client;

/// <summary>The owner whose messages a <see cref="MessagePump"/> carries. If it already has another pump, it ignores this one.</summary>
internal interface IPumpOwner
{
    /// <summary>
    /// Writes the next message that may be sent to the start of <paramref name="destination"/>. Called under the lock.
    /// </summary>
    /// <returns>The message's length, or 0 if there is none.</returns>
    int TakeNext(MessagePump pump, Span<byte> destination);

    /// <summary>The last message taken has been written. Called under the lock.</summary>
    void OnWritten(MessagePump pump);

    /// <summary>A message has arrived. Called under the lock; the body is invalid afterwards.</summary>
    /// <returns>Whether further messages are wanted.</returns>
    bool OnMessage(MessagePump pump, in XenStoreHeader header, ReadOnlySpan<byte> body);

    /// <summary>Messages that had to wait may be sent now. Called without the lock.</summary>
    void SendQueued();

    /// <summary>The transport has failed or ended. Called without the lock.</summary>
    void Lose(MessagePump pump, XenStoreException reason);
}
