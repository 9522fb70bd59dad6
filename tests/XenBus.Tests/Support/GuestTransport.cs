using System.Text;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Tests;

/// <summary>The guest's way to xenstored, on which a test can do something at exactly the moment before a request is sent.</summary>
internal sealed class GuestTransport(IXenStoreTransport inner) : IXenStoreTransport
{
    /// <inheritdoc/>
    public bool OutlivesClient => inner.OutlivesClient;

    /// <inheritdoc/>
    public XenStoreServerFeatures ServerFeatures => inner.ServerFeatures;

    /// <summary>Called with each request's type and path; requests wait for what it gives.</summary>
    public Func<XenStoreMessageType, string, Task>? BeforeRequest { get; set; }

    /// <inheritdoc/>
    public ValueTask OpenAsync(CancellationToken cancellationToken) => inner.OpenAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) => inner.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        BeforeRequest is { } call ? CallAndWriteAsync(call, data, cancellationToken) : inner.WriteAsync(data, cancellationToken);

    /// <inheritdoc/>
    public XenStoreException? FindFault() => inner.FindFault();

    /// <inheritdoc/>
    public string Describe() => inner.Describe();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async ValueTask CallAndWriteAsync(
        Func<XenStoreMessageType, string, Task> call, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        // The client writes whole messages, one or several.
        for (ReadOnlyMemory<byte> rest = data; !rest.IsEmpty;)
        {
            XenStoreHeader header = XenStoreHeader.Read(rest.Span);
            ReadOnlyMemory<byte> body = rest.Slice(XenStoreHeader.Size, (int)header.Length);
            await call(header.Type, Encoding.UTF8.GetString(body.Span).Split('\0')[0]);
            rest = rest[(XenStoreHeader.Size + body.Length)..];
        }

        await inner.WriteAsync(data, cancellationToken);
    }
}
