using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>A Linux machine's xenstore: xenstored's socket in dom0, the kernel's device in a guest.</summary>
internal sealed class Store : IAsyncDisposable
{
    private Store(XenStoreClient client) => Client = client;

    /// <summary>Whether a person types the commands.</summary>
    public static bool IsTyped => !Console.IsInputRedirected;

    public XenStoreClient Client { get; }

    /// <summary>Connects.</summary>
    /// <exception cref="XenStoreException">There is no xenstore to be had; the message says where it was looked for, and why.</exception>
    public static async ValueTask<Store> ConnectAsync(CancellationToken cancellationToken) =>
        new(await XenStoreClient.ConnectAsync(cancellationToken: cancellationToken));

    public ValueTask DisposeAsync() => Client.DisposeAsync();
}
