namespace Xenlet.XenStoreRing.Transport;

/// <summary>Offsets in the ring page: <c>struct xenstore_domain_interface</c> of <c>io/xs_wire.h</c>.</summary>
internal static class RingLayout
{
    public const int PageSize = 4096;

    /// <summary><c>XENSTORE_RING_SIZE</c>: size of each ring in bytes. Indexes run freely through 32 bits and are masked for use.</summary>
    public const int XENSTORE_RING_SIZE = 1024;

    public const int Requests = 0;
    public const int Replies = 1024;
    public const int RequestConsumer = 2048;
    public const int RequestProducer = 2052;
    public const int ReplyConsumer = 2056;
    public const int ReplyProducer = 2060;
    public const int ServerFeatures = 2064;

    /// <summary><c>connection</c>: 0 if connected, 1 (<c>XENSTORE_RECONNECT</c>) if the ring has yet to be connected.</summary>
    public const int Connection = 2068;

    /// <summary><c>error</c>: why the server gave up the ring. Xen 4.17 sets it too, although it reports no feature bit for it.</summary>
    public const int Error = 2072;
}
