using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>
/// The receive side of a connection: all of its pages wait for frames in the ring, and return there when their data is copied. Used only by
/// <see cref="RunAsync"/>.
/// </summary>
internal sealed class ReceiveRing
{
    // The number of responses after which other work of the thread gets its turn.
    private const int Budget = 256;

    // The number of pages after which they are published, so that the back end need not wait for the end of a long run.
    private const int PublishEvery = 64;

    private readonly FrontRing<ReceiveRequest, ReceiveResponse> _ring;
    private readonly GrantedPage[] _pages;
    private readonly FrameAssembly _assembly;
    private readonly RingChannel _channel;
    private readonly INetworkSink _sink;
    private readonly NetworkCounters _counters;
    private int _next;

    /// <summary>Puts all pages into a ring that is not published yet.</summary>
    /// <param name="ring">The ring.</param>
    /// <param name="pages">Its pages. The caller keeps them.</param>
    /// <param name="assembly">Puts frames together.</param>
    /// <param name="channel">Notifies the back end, and receives its events. The caller keeps it.</param>
    /// <param name="sink">The interface.</param>
    /// <param name="counters">Counts events and notifications.</param>
    /// <exception cref="OutOfMemoryException">There are fewer pages than one frame may need.</exception>
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
    /// <param name="transmit">The transmit ring if it has the same event channel, else <see langword="null"/>.</param>
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
                    // A back end that delivers frames without end, together or one by one, must not keep the thread busy.
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

    /// <summary>Returns an unfinished frame to its pool. <see cref="RunAsync"/> must have ended.</summary>
    public void Abandon() => _assembly.Abandon();

    private static IEnumerable<GrantedPage> RentAll(GrantedPagePool pages)
    {
        while (pages.TryRent(out GrantedPage? page))
        {
            yield return page;
        }
    }

    /// <summary>Takes up to <paramref name="most"/> responses, and wakes the reader once. Returns how many there were.</summary>
    private int Take(int most)
    {
        int taken = 0;
        bool isNew = false;
        while (taken < most && _ring.TryTake(out ReceiveResponse response))
        {
            taken++;
            FrameBuffer? frame = _assembly.Add(in response, _pages[_next].Span, (ushort)_next);

            // Responses come in the order of the requests, so this page is now the last in line.
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
