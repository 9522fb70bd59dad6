namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// A request that the server has, or is being sent, and has not answered. It outlives a cancelled or timed-out <see cref="Request"/>:
/// the reply is still taken off the stream, and what it would leave behind in the server is undone.
/// </summary>
internal struct OutstandingRequest
{
    internal bool InUse;
    internal uint RequestId;
    internal uint TransactionId;
    internal XenStoreMessageType Type;
    internal string? Subject;
    internal string? Second;

    /// <summary>Who waits, or <see langword="null"/> when nobody does any more.</summary>
    internal Request? Waiter;
}
