using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>
/// The content of a receive ring: all of its pages wait for frames in the ring, and go back there once their data was copied. Used by one
/// thread at a time.
/// </summary>
/// <typeparam name="TFrame">What frames are put together in.</typeparam>
internal sealed class ReceiveQueue<TFrame>
    where TFrame : class
{
    private readonly FrontRing<ReceiveRequest, ReceiveResponse> _ring;
    private readonly GrantedPage[] _pages;
    private readonly FrameAssembly<TFrame> _assembly;
    private int _next;

    /// <summary>Puts all pages into a ring that no back end knows yet.</summary>
    /// <param name="ring">The ring.</param>
    /// <param name="pages">Its pages. They stay the caller's.</param>
    /// <param name="assembly">Puts frames together.</param>
    /// <exception cref="OutOfMemoryException">There are fewer pages than a frame may need.</exception>
    /// <exception cref="XenException">Xen refused a grant.</exception>
    public ReceiveQueue(FrontRing<ReceiveRequest, ReceiveResponse> ring, GrantedPagePool pages, FrameAssembly<TFrame> assembly)
    {
        _ring = ring;
        _assembly = assembly;
        _pages = [.. RentAll(pages)];
        if (_pages.Length <= NetProtocol.MaximumReceiveSlots)
        {
            throw new InsufficientMemoryException(
                $"there is memory or grants for {_pages.Length} pages only, fewer than one frame may need");
        }

        for (int slot = 0; slot < _pages.Length; slot++)
        {
            Put(slot);
        }

        _ring.Publish();
    }

    /// <summary>Takes the next response; false when there is none.</summary>
    /// <param name="frame">A frame that the response has completed; the caller owns it.</param>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public bool TryTake(out TFrame? frame)
    {
        if (!_ring.TryTake(out ReceiveResponse response))
        {
            frame = null;
            return false;
        }

        frame = _assembly.Add(in response, _pages[_next].Memory, (ushort)_next);

        // Responses come in the order of the requests, so the same page is the last of the line now.
        Put(_next);
        _next = _next + 1 < _pages.Length ? _next + 1 : 0;
        return true;
    }

    /// <summary>Shows the back end the pages that were put back; whether it has to be notified.</summary>
    public bool Publish() => _ring.Publish();

    /// <summary>Asks for an event at the next response; whether there are responses already.</summary>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public bool FinalCheck() => _ring.FinalCheck();

    /// <summary>Gives back what there is of an unfinished frame.</summary>
    public void Abandon() => _assembly.Abandon();

    private static IEnumerable<GrantedPage> RentAll(GrantedPagePool pages)
    {
        while (pages.TryRent(out GrantedPage? page))
        {
            yield return page;
        }
    }

    private void Put(int slot) => _ring.Put(new ReceiveRequest { Id = (ushort)slot, Reference = _pages[slot].Reference });
}
