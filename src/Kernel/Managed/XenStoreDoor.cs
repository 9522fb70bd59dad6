using Xenlet.Kernel.Nucleus;

namespace Xenlet.Kernel;

/// <summary>The domain's xenstore ring, found through HVM_PARAM_STORE_PFN and HVM_PARAM_STORE_EVTCHN.</summary>
internal sealed class XenStoreDoor(XenEventChannels channels, XenSharedPages pages) : IXenStoreDoor
{
    private const string What = "xenstore connections";

    public IXenStoreLink Open()
    {
        const string opening = "opening the connection to xenstore";
        long address = NucleusGate.Call(NucleusCall.MapStorePage);
        if (address < 0)
        {
            throw NucleusAnswer.Error(address, What, opening);
        }

        var page = new SharedPage(pages, (ulong)address);
        try
        {
            long port = NucleusGate.Call(NucleusCall.StorePort);
            return port < 0 ? throw NucleusAnswer.Error(port, What, opening) : new Link(page, channels.Adopt((uint)port));
        }
        catch
        {
            page.Dispose();
            throw;
        }
    }

    private sealed class Link(SharedPage page, IEventChannel events) : IXenStoreLink
    {
        public ISharedPage Page => page;

        public IEventChannel Events => events;

        public void Dispose()
        {
            events.Dispose();
            page.Dispose();
        }
    }
}
