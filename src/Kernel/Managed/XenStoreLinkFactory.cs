using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>The domain's xenstore ring, found through HVM_PARAM_STORE_PFN and HVM_PARAM_STORE_EVTCHN.</summary>
internal sealed class XenStoreLinkFactory(XenEventChannels channels, XenSharedPages pages) : IXenStoreLinkFactory
{
    private const string What = "xenstore connections";

    private readonly XenStoreTurns _turns = new();

    public IXenStoreLink Open()
    {
        _turns.Take();
        try
        {
            return new Link(this, isStandIn: false);
        }
        catch
        {
            _turns.GiveBack();
            throw;
        }
    }

    public IXenStoreLink? TryOpen(IXenStoreStandIn standIn) => _turns.TryStandIn(standIn) ? new Link(this, isStandIn: true) : null;

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
        private readonly bool _isStandIn;
        private SharedPage _page;
        private bool _isDisposed;

        public Link(XenStoreLinkFactory factory, bool isStandIn)
        {
            _factory = factory;
            _isStandIn = isStandIn;
            (_page, Events) = factory.Find();
        }

        public ISharedPage Page => _page;

        public IEventChannel Events { get; private set; }

        public void FindAgain()
        {
            // The page can be mapped only once.
            Close();
            (_page, Events) = _factory.Find();
        }

        public void Dispose()
        {
            Close();
            if (!Interlocked.Exchange(ref _isDisposed, true) && !_isStandIn)
            {
                _factory._turns.GiveBack();
            }
        }

        private void Close()
        {
            Events.Dispose();
            _page.Dispose();
        }
    }
}
