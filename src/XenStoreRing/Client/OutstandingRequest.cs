namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// A request that is being sent or was sent, and has no reply yet. It outlives a cancelled or timed-out <see cref="Request"/>: the reply is
/// still read from the stream, and anything that it would leave behind in the server is undone.
/// </summary>
internal struct OutstandingRequest
{
    public bool InUse;
    public uint RequestId;
    public uint TransactionId;
    public XenStoreMessageType Type;
    public string? Subject;
    public string? Second;

    /// <summary>The waiting request, or <see langword="null"/> if nobody waits any more.</summary>
    public Request? Waiter;
}
