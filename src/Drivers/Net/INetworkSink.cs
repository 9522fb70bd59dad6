namespace Xenlet.Drivers.Net;

/// <summary>What a connection needs of its interface.</summary>
internal interface INetworkSink
{
    /// <summary>Takes a received frame over; false when it was dropped. The reader is not woken yet.</summary>
    bool Deliver(FrameBuffer frame);

    /// <summary>Wakes the reader, once for all frames that were delivered since the last time.</summary>
    void WakeReader();

    /// <summary>A frame was put into the ring. Called in the order of the ring, and must not wait.</summary>
    void OnSent(ReadOnlySpan<byte> frame);

    /// <summary>There may be room in the transmit ring: a sender that waits tries again.</summary>
    void WakeSenders();

    /// <summary>The connection cannot go on, since the back end broke the protocol or Xen refused.</summary>
    void Fail(NetworkConnection connection, Exception error);
}
