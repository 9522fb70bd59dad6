using Xenlet.Kernel;

namespace Xenlet.XenStoreRing;

/// <summary>A guest's transport: xenstore's page and event channel as the kernel provides them.</summary>
public static class XenStoreLinkTransport
{
    /// <summary>Creates a transport over a link. The caller disposes the link after the transport.</summary>
    public static XenStoreRingTransport Create(IXenStoreLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        return new XenStoreRingTransport(new Source(link));
    }

    /// <summary>
    /// Creates the function with which a client connects and reconnects: it returns a transport over the link as it is, and later ones over
    /// the page and event channel located again. The caller disposes the link after the client.
    /// </summary>
    public static Func<IXenStoreTransport> Connector(IXenStoreLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        bool isAgain = false;
        return () =>
        {
            if (isAgain)
            {
                link.FindAgain();
            }

            isAgain = true;
            return Create(link);
        };
    }

    private sealed class Source(IXenStoreLink link) : IRingSource
    {
        public IRingPage Page { get; private set; } = new Page(link.Page);

        public IRingDoorbell Doorbell { get; private set; } = new Doorbell(link.Events);

        public void FindAgain()
        {
            try
            {
                link.FindAgain();
            }
            catch (XenException failure)
            {
                throw new XenStoreException(
                    XenStoreError.ConnectionClosed, $"xenstore's ring is served now, but cannot be found: {failure.Message}", failure);
            }

            Page = new Page(link.Page);
            Doorbell = new Doorbell(link.Events);
        }
    }

    private sealed class Page(ISharedPage page) : IRingPage
    {
        public unsafe nint Address
        {
            get
            {
                // Shared pages never move, so the address outlives the pinning.
                fixed (byte* start = page.Span)
                {
                    return (nint)start;
                }
            }
        }
    }

    private sealed class Doorbell(IEventChannel events) : IRingDoorbell
    {
        public void Notify() => events.Notify();

        public ValueTask WaitAsync(CancellationToken cancellationToken) => events.WaitAsync(cancellationToken);
    }
}
