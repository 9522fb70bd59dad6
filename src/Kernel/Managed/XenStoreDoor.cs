using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>The domain's xenstore ring, found through HVM_PARAM_STORE_PFN and HVM_PARAM_STORE_EVTCHN.</summary>
internal sealed class XenStoreDoor(XenEventChannels channels, XenSharedPages pages) : IXenStoreDoor
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
        private readonly bool _isStandIn;
        private SharedPage _page;
        private bool _isDisposed;

        public Link(XenStoreDoor door, bool isStandIn)
        {
            _door = door;
            _isStandIn = isStandIn;
            (_page, Events) = door.Find();
        }

        public ISharedPage Page => _page;

        public IEventChannel Events { get; private set; }

        public void FindAgain()
        {
            // The page can be mapped once only.
            Close();
            (_page, Events) = _door.Find();
        }

        public void Dispose()
        {
            Close();
            if (!Interlocked.Exchange(ref _isDisposed, true) && !_isStandIn)
            {
                _door._turns.GiveBack();
            }
        }

        private void Close()
        {
            Events.Dispose();
            _page.Dispose();
        }
    }
}
