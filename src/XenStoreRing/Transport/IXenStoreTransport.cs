namespace Xenlet.XenStoreRing;

/// <summary>
/// A duplex byte stream to a xenstored. At most one read and one write are in progress at a time, and whenever a write waits, a read is in
/// progress: a transport may rely on the reader to learn that there is room again.
/// </summary>
/// <remarks>Failures are thrown as <see cref="XenStoreException"/>. Any other exception also ends the connection.</remarks>
public interface IXenStoreTransport : IAsyncDisposable
{
    /// <summary>
    /// Whether the connection outlives its user, as a domain's ring does. A predecessor's watches may then still be registered, so the
    /// client resets them at the start if the platform supports that.
    /// </summary>
    bool OutlivesClient { get; }

    /// <summary>The features that the server reports. Only a shared ring reports them; Xen 4.17 reports none.</summary>
    XenStoreServerFeatures ServerFeatures { get; }

    /// <summary>
    /// How many requests may be sent and not yet answered. No more than <see cref="XenStoreLimits.MaxOutstanding"/> ever are.
    /// </summary>
    int MaxOutstanding => XenStoreLimits.MaxOutstanding;

    /// <summary>Connects; for a ring, waits until a xenstored serves it. Called once, before the first read.</summary>
    ValueTask OpenAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Reads the available bytes, at least one. 0 means that the other side has ended the connection. A cancelled read loses no bytes.
    /// </summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>
    /// Writes all of <paramref name="data"/>, in pieces if the stream has too little room. A cancelled write may have written a part.
    /// </summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>Checks, without waiting, for a failure that no read or write reports. Called when a request stays unanswered.</summary>
    XenStoreException? FindFault();

    /// <summary>The transport's state as text, for messages about unanswered requests.</summary>
    string Describe();
}
