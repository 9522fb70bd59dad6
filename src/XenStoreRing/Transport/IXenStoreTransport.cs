namespace Xenlet.XenStoreRing;

/// <summary>
/// A duplex byte stream to a xenstored. At most one read and one write are under way at a time, and a read always is while a
/// write waits: a transport may rely on the reader to learn that there is room again.
/// </summary>
/// <remarks>Failures are thrown as <see cref="XenStoreException"/>; whatever else is thrown also ends the connection.</remarks>
public interface IXenStoreTransport : IAsyncDisposable
{
    /// <summary>
    /// Whether the connection outlives its user, as a domain's ring does: watches of a predecessor may still be registered, so the
    /// client resets them at the start where the platform offers that.
    /// </summary>
    bool OutlivesClient { get; }

    /// <summary>What the server says it can do. Only a shared ring says so; Xen 4.17 offers nothing.</summary>
    XenStoreServerFeatures ServerFeatures { get; }

    /// <summary>Connects; for a ring, waits until a xenstored serves it. Called once, before the first read.</summary>
    ValueTask OpenAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Reads what is there, at least one byte; 0 means that the other side has ended the connection. A cancelled read loses no bytes.
    /// </summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>
    /// Writes all of <paramref name="data"/>, in pieces where the stream has no room. A cancelled write may have written a part.
    /// </summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>Looks, without waiting, for a failure that no read or write reports; asked when a request stays unanswered.</summary>
    XenStoreException? FindFault();

    /// <summary>The transport's state in words, for messages about requests that stay unanswered.</summary>
    string Describe();
}
