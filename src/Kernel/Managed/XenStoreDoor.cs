using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>The domain's xenstore ring, found through HVM_PARAM_STORE_PFN and HVM_PARAM_STORE_EVTCHN.</summary>
internal sealed class XenStoreDoor(XenEventChannels channels, XenSharedPages pages) : IXenStoreDoor
{
    private const string What = "xenstore connections";

    public IXenStoreLink Open() => new Link(this);

    private (SharedPage Page, IEventChannel Events) Find()
    {
        const string opening = "opening the connection to xenstore";
        long address = NucleusGate.Call(NucleusCall.MapStorePage);
        if (address < 0)
        {
            throw NucleusAnswer.Error(address, What, opening);
        }

        SharedPage page = new(pages, (ulong)address);
        try
        {
            long port = NucleusGate.Call(NucleusCall.StorePort);
            return port < 0 ? throw NucleusAnswer.Error(port, What, opening) : (page, channels.Adopt((uint)port));
        }
        catch
        {
            page.Dispose();
            throw;
        }
    }

    private sealed class Link : IXenStoreLink
    {
        private readonly XenStoreDoor _door;
        private SharedPage _page;

        public Link(XenStoreDoor door)
        {
            _door = door;
            (_page, Events) = door.Find();
        }

        public ISharedPage Page => _page;

        public IEventChannel Events { get; private set; }

        public void FindAgain()
        {
            // The page can be mapped once only.
            Dispose();
            (_page, Events) = _door.Find();
        }

        public void Dispose()
        {
            Events.Dispose();
            _page.Dispose();
        }
    }
}
