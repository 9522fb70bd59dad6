using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>A guest's xenstore: the ring that Xen gives every domain.</summary>
internal sealed class Store : IAsyncDisposable
{
    private readonly IXenStoreLink _link;

    private Store(IXenStoreLink link, XenStoreClient client)
    {
        _link = link;
        Client = client;
    }

    /// <summary>
    /// Whether a person types the commands: a guest's console looks redirected to .NET, and yet has one at its other end.
    /// </summary>
    public static bool IsTyped => true;

    public XenStoreClient Client { get; }

    /// <summary>Connects.</summary>
    /// <exception cref="XenStoreException">There is no xenstore to be had; the message says why.</exception>
    public static async ValueTask<Store> ConnectAsync(CancellationToken cancellationToken)
    {
        IXenStoreLink link;
        try
        {
            link = Guest.XenStore.Open();
        }
        catch (Exception failure) when (failure is PlatformNotSupportedException or XenException)
        {
            throw new XenStoreException(XenStoreError.ConnectionClosed, failure.Message, failure);
        }

        try
        {
            return new(link, await XenStoreClient.ConnectAsync(XenStoreLinkTransport.Create(link), cancellationToken: cancellationToken));
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        _link.Dispose();
    }
}
