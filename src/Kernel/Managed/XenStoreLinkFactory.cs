using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>The domain's xenstore ring, found through HVM_PARAM_STORE_PFN and HVM_PARAM_STORE_EVTCHN.</summary>
internal sealed class XenStoreLinkFactory(XenEventChannels channels, XenSharedPages pages) : IXenStoreLinkFactory
{
    private const string What = "xenstore connections";

    public IXenStoreLink Open() => new Link(this);

    private (SharedPage Page, IEventChannel Events) Find()
    {
        const string opening = "opening the connection to xenstore";
        long address = NucleusSystemCall.Invoke(NucleusCall.MapStorePage);
        if (address < 0)
        {
            throw NucleusError.ToException(address, What, opening);
        }

        SharedPage page = new(pages, (ulong)address);
        try
        {
            long port = NucleusSystemCall.Invoke(NucleusCall.StorePort);
            return port < 0 ? throw NucleusError.ToException(port, What, opening) : (page, channels.Adopt((uint)port));
        }
        catch
        {
            page.Dispose();
            throw;
        }
    }

    private sealed class Link : IXenStoreLink
    {
        private readonly XenStoreLinkFactory _factory;
        private SharedPage _page;

        public Link(XenStoreLinkFactory factory)
        {
            _factory = factory;
            (_page, Events) = factory.Find();
        }

        public ISharedPage Page => _page;

        public IEventChannel Events { get; private set; }

        public void FindAgain()
        {
            // The page can be mapped only once.
            Dispose();
            (_page, Events) = _factory.Find();
        }

        public void Dispose()
        {
            Events.Dispose();
            _page.Dispose();
        }
    }
}
