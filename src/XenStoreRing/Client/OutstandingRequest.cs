namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// A request that the server has, or is being sent, and has not answered. It outlives a cancelled or timed-out <see cref="Request"/>:
/// the reply is still taken off the stream, and what it would leave behind in the server is undone.
/// </summary>
internal struct OutstandingRequest
{
    public bool InUse;
    public uint RequestId;
    public uint TransactionId;
    public XenStoreMessageType Type;
    public string? Subject;
    public string? Second;

    /// <summary>Who waits, or <see langword="null"/> when nobody does any more.</summary>
    public Request? Waiter;
}
