namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// Whose messages a <see cref="MessagePump"/> carries. It may have another pump by now, and then wants nothing of this one.
/// </summary>
internal interface IPumpOwner
{
    /// <summary>Puts the next message that may be sent at the beginning of <paramref name="destination"/>. Called under the gate.</summary>
    /// <returns>The message's length, or 0 when there is none.</returns>
    int TakeNext(MessagePump pump, Span<byte> destination);

    /// <summary>The message taken last has been written. Called under the gate.</summary>
    void OnWritten(MessagePump pump);

    /// <summary>A message has come. Called under the gate; the body is gone afterwards.</summary>
    /// <returns>Whether further ones are wanted.</returns>
    bool OnMessage(MessagePump pump, in XenStoreHeader header, ReadOnlySpan<byte> body);

    /// <summary>Messages may be sent that had to wait so far. Called without the gate.</summary>
    void SendQueued();

    /// <summary>The transport has failed, or ended. Called without the gate.</summary>
    void Lose(MessagePump pump, XenStoreException reason);
}
