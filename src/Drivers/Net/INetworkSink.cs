namespace Xenlet.Drivers.Net;

/// <summary>What a connection needs of its interface.</summary>
internal interface INetworkSink
{
    /// <summary>Takes over a received frame; returns false if it was dropped. The reader is not woken yet.</summary>
    bool Deliver(FrameBuffer frame);

    /// <summary>Wakes the reader, once for all frames delivered since the last call.</summary>
    void WakeReader();

    /// <summary>A frame was put into the ring. Called in the order of the ring, and must not wait.</summary>
    void OnSent(in OutgoingFrame frame);

    /// <summary>There may be room in the transmit ring: waiting senders try again.</summary>
    void WakeSenders();

    /// <summary>The connection cannot continue, because the back end broke the protocol or Xen refused a call.</summary>
    void Fail(NetworkConnection connection, Exception error);
}
