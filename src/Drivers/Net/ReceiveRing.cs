using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>
/// The receive side of a connection: all of its pages wait for frames in the ring, and go back there once their data was copied. Used by
/// <see cref="RunAsync"/> alone.
/// </summary>
internal sealed class ReceiveRing
{
    // So many responses are taken before other work of the thread gets its turn.
    private const int Budget = 256;

    // The back end sees pages again after so many, not only at the end of a long run.
    private const int PublishEvery = 64;

    private readonly FrontRing<ReceiveRequest, ReceiveResponse> _ring;
    private readonly GrantedPage[] _pages;
    private readonly FrameAssembly _assembly;
    private readonly RingChannel _channel;
    private readonly INetworkSink _sink;
    private readonly NetworkCounters _counters;
    private int _next;

    /// <summary>Puts all pages into a ring that no back end knows yet.</summary>
    /// <param name="ring">The ring.</param>
    /// <param name="pages">Its pages. They stay the caller's.</param>
    /// <param name="assembly">Puts frames together.</param>
    /// <param name="channel">Notifies the back end, and brings its events. It stays the caller's.</param>
    /// <param name="sink">The interface.</param>
    /// <param name="counters">Counts events and notifications.</param>
    /// <exception cref="OutOfMemoryException">There are fewer pages than a frame may need.</exception>
    /// <exception cref="XenException">Xen refused a grant.</exception>
    public ReceiveRing(
        FrontRing<ReceiveRequest, ReceiveResponse> ring, GrantedPagePool pages, FrameAssembly assembly, RingChannel channel,
        INetworkSink sink, NetworkCounters counters)
    {
        _ring = ring;
        _assembly = assembly;
        _channel = channel;
        _sink = sink;
        _counters = counters;
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

    /// <summary>Receives until the token is cancelled.</summary>
    /// <param name="transmit">The transmit ring where it has the same event channel, else <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public async Task RunAsync(TransmitRing? transmit, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _channel.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _counters.ReceiveEvents++;
            bool isAny = transmit is not null && transmit.OnEvent();
            int taken = 0;
            do
            {
                taken += Take(Budget - taken);
                isAny |= taken > 0;
                if (taken == Budget)
                {
                    // A back end that delivers without end, in one go or one by one, does not keep the thread.
                    taken = 0;
                    await Task.Yield();
                    cancellationToken.ThrowIfCancellationRequested();
                }
            }
            while (_ring.FinalCheck());
            if (!isAny)
            {
                _channel.ReportSpurious();
            }
        }
    }

    /// <summary>Gives back what there is of an unfinished frame. <see cref="RunAsync"/> has ended.</summary>
    public void Abandon() => _assembly.Abandon();

    private static IEnumerable<GrantedPage> RentAll(GrantedPagePool pages)
    {
        while (pages.TryRent(out GrantedPage? page))
        {
            yield return page;
        }
    }

    /// <summary>Takes up to so many responses, and wakes the reader once; how many there were.</summary>
    private int Take(int most)
    {
        int taken = 0;
        bool isNew = false;
        while (taken < most && _ring.TryTake(out ReceiveResponse response))
        {
            taken++;
            FrameBuffer? frame = _assembly.Add(in response, _pages[_next].Span, (ushort)_next);

            // Responses come in the order of the requests, so the same page is the last of the line now.
            Put(_next);
            _next = _next + 1 < _pages.Length ? _next + 1 : 0;
            if (frame is not null)
            {
                isNew |= _sink.Deliver(frame);
            }

            if (taken % PublishEvery == 0)
            {
                Publish();
            }
        }

        Publish();
        if (isNew)
        {
            _sink.WakeReader();
        }

        return taken;
    }

    private void Put(int slot) => _ring.Put(new ReceiveRequest { Id = (ushort)slot, Reference = _pages[slot].Reference });

    private void Publish()
    {
        if (_ring.Publish())
        {
            _channel.Notify(ref _counters.ReceiveNotifications);
        }
    }
}
