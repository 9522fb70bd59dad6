using System.Globalization;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>
/// One connection to one back end: two rings, their event channels, and pages that stay granted until its end. A resume or a reconnection
/// makes another.
/// </summary>
/// <remarks>
/// Receiving is done by one loop, which alone touches that ring. The sending ring is touched by whoever sends, and by a loop that runs only
/// when somebody waits for room: responses are taken when the next frame is sent, without an event.
/// </remarks>
internal sealed class NetworkConnection : IAsyncDisposable
{
    // So many responses are taken before other work of the thread gets its turn.
    private const int Budget = 256;

    // The back end sees pages again after so many, not only at the end of a long run.
    private const int PublishEvery = 64;

    private readonly BackEndFeatures _features;
    private readonly NetworkInterface _interface;
    private readonly NetworkCounters _counters;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<ISharedPage> _ringPages = [];
    private readonly List<IGrant> _ringGrants = [];
    private readonly HeldGrants _held;
    private readonly List<FrontEndNode> _nodes = [];
    private readonly IEventChannel _receiveChannel;
    private readonly IEventChannel? _sendChannel;
    private readonly TransmitQueue _sending;
    private readonly FrontRing<ReceiveRequest, ReceiveResponse> _receiveRing;
    private readonly GrantedPagePool _sendPages;
    private readonly GrantedPagePool _receivePages;
    private readonly GrantedPage[] _receiveSlots;
    private readonly FrameAssembly _assembly;
    private int _nextReceive;
    private bool _isClosed;
    private Task _loops = Task.CompletedTask;

    /// <summary>Makes rings, channels and pages for a back end. Nothing is left when it fails.</summary>
    /// <exception cref="XenException">Xen refused an event channel or a grant.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the pages.</exception>
    public NetworkConnection(
        NetworkInterface owner, IEventChannels channels, ISharedPages pages, ushort domain, BackEndFeatures features,
        NetworkOptions options, FramePool pool, HeldGrants held)
    {
        _interface = owner;
        _held = held;
        _counters = owner.Counters;
        _features = features;
        _assembly = new FrameAssembly(pool, owner.Counters);
        _sendPages = new GrantedPagePool(pages, domain, options.TransmitPages);
        _receivePages = new GrantedPagePool(pages, domain, options.ReceivePages);
        try
        {
            _sending = new TransmitQueue(new([MakeRingPage("tx-ring-ref")]), _sendPages, features, owner.Counters)
            {
                MulticastRefused = (address, status) => owner.Report(
                    $"the back end does not take multicast address {address}: status {status.ToString(CultureInfo.InvariantCulture)}"),
            };
            _receiveRing = new([MakeRingPage("rx-ring-ref")]);
            _receiveChannel = channels.AllocateUnbound(domain);
            if (features.SplitsEventChannels && options.SplitsEventChannels)
            {
                _sendChannel = channels.AllocateUnbound(domain);
                _nodes.Add(new("event-channel-tx", _sendChannel.Port));
                _nodes.Add(new("event-channel-rx", _receiveChannel.Port));
            }
            else
            {
                _nodes.Add(new("event-channel", _receiveChannel.Port));
            }

            _receiveSlots = [.. RentAll()];
            for (int slot = 0; slot < _receiveSlots.Length; slot++)
            {
                PutReceive(slot);
            }

            _receiveRing.Publish();
        }
        catch
        {
            Release();
            throw;
        }

        ISharedPage MakeRingPage(string node)
        {
            ISharedPage page = pages.Allocate();
            _ringPages.Add(page);
            IGrant grant = page.Grant(domain);
            _ringGrants.Add(grant);
            _nodes.Add(new(node, grant.Reference));
            return page;
        }

        IEnumerable<GrantedPage> RentAll()
        {
            int count = 0;
            while (_receivePages.TryRent(out GrantedPage? page))
            {
                count++;
                yield return page;
            }

            if (count <= NetProtocol.MaximumReceiveSlots)
            {
                throw new InsufficientMemoryException($"there is memory or grants for {count} pages only, fewer than one frame may need");
            }
        }
    }

    /// <summary>What the back end needs to know of it: nodes and their values.</summary>
    public IReadOnlyList<FrontEndNode> Nodes => _nodes;

    public BackEndFeatures Features => _features;

    /// <summary>Whether received multicast frames are only those of joined addresses.</summary>
    public bool FiltersMulticast { get; init; }

    /// <summary>Whether the back end has frames that it has not answered.</summary>
    public bool HasFramesUnderWay
    {
        get
        {
            try
            {
                lock (_gate)
                {
                    if (_isClosed)
                    {
                        return false;
                    }

                    _sending.TakeResponses();
                    return _sending.HasFramesUnderWay;
                }
            }
            catch (BrokenRingException error)
            {
                _interface.Fail(this, error);
                return false;
            }
        }
    }

    /// <summary>Begins to receive and to send. The back end may not know of it yet.</summary>
    public void Start() => _loops = Task.WhenAll(
        EventLoop.Start(_interface.Loop, ReceiveAsync),
        _sendChannel is null ? Task.CompletedTask : EventLoop.Start(_interface.Loop, FreeAsync));

    /// <summary>Puts a frame into the ring, as a copy: the frame remains the caller's.</summary>
    /// <param name="frame">What to send.</param>
    /// <param name="hasMore">More will follow at once, or <see cref="Flush"/>: the back end is not told yet.</param>
    public SendResult Send(FrameBuffer frame, bool hasMore)
    {
        bool notifies;
        SendResult result;
        try
        {
            lock (_gate)
            {
                if (_isClosed)
                {
                    return SendResult.Ended;
                }

                result = _sending.Send(frame, hasMore, out notifies);
                if (result == SendResult.Sent)
                {
                    _interface.Capture?.Add(frame.Data);
                }
            }
        }
        catch (BrokenRingException error)
        {
            _interface.Fail(this, error);
            return SendResult.Ended;
        }

        if (notifies)
        {
            NotifyOfSent();
        }

        return result;
    }

    /// <summary>Tells the back end of frames that were sent with more to follow.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_isClosed || !_sending.Flush())
            {
                return;
            }
        }

        NotifyOfSent();
    }

    /// <summary>Asks the back end to deliver, or not to deliver any more, frames to a multicast address.</summary>
    public SendResult PutMulticast(bool joins, MacAddress address)
    {
        bool notifies;
        SendResult result;
        try
        {
            lock (_gate)
            {
                if (_isClosed)
                {
                    return SendResult.Ended;
                }

                if (!FiltersMulticast)
                {
                    return SendResult.Sent;
                }

                result = _sending.SendMulticast(joins, address, out notifies);
            }
        }
        catch (BrokenRingException error)
        {
            _interface.Fail(this, error);
            return SendResult.Ended;
        }

        if (notifies)
        {
            NotifyOfSent();
        }

        return result;
    }

    /// <summary>
    /// Ends everything and gives the pages back; those that the back end still has mapped are kept aside by the kernel until it lets go.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        await _loops.ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
            Release();
        }

        _assembly.Abandon();
        _stop.Dispose();
    }

    private void Release()
    {
        _receiveChannel?.Dispose();
        _sendChannel?.Dispose();
        string device = _interface.Device.Node;
        _sendPages.Dispose(device, _held);
        _receivePages.Dispose(device, _held);
        foreach (IGrant grant in _ringGrants)
        {
            _held.End(device, grant);
        }

        foreach (ISharedPage page in _ringPages)
        {
            page.Dispose();
        }
    }

    private async Task ReceiveAsync()
    {
        try
        {
            long freed = 0;
            while (true)
            {
                await _receiveChannel.WaitAsync(_stop.Token).ConfigureAwait(EventLoop.IsCurrent);
                _counters.ReceiveEvents++;
                bool isAny = _sendChannel is null && WakeSenders(ref freed);
                int taken = 0;
                do
                {
                    taken += Receive(Budget - taken);
                    isAny |= taken > 0;
                    if (taken == Budget)
                    {
                        // A back end that delivers without end, in one go or one by one, does not keep the thread.
                        taken = 0;
                        await Task.Yield();
                        _stop.Token.ThrowIfCancellationRequested();
                    }
                }
                while (_receiveRing.FinalCheck());
                if (!isAny)
                {
                    _interface.Device.ReportSpuriousEvent(_receiveChannel);
                }
            }
        }
        catch (Exception error) when (IsEnd(error))
        {
        }
        catch (Exception error)
        {
            _interface.Fail(this, error);
        }
    }

    /// <summary>Takes what was received, up to so many responses, and wakes the reader once; how many there were.</summary>
    private int Receive(int most)
    {
        int taken = 0;
        bool isNew = false;
        while (taken < most && _receiveRing.TryTake(out ReceiveResponse response))
        {
            taken++;
            FrameBuffer? frame = _assembly.Add(in response, _receiveSlots[_nextReceive].Span, (ushort)_nextReceive);

            // Responses come in the order of the requests, so the same page stands at the end of the line now.
            PutReceive(_nextReceive);
            _nextReceive = _nextReceive + 1 < _receiveSlots.Length ? _nextReceive + 1 : 0;
            if (frame is not null)
            {
                isNew |= _interface.Deliver(frame);
            }

            if (taken % PublishEvery == 0)
            {
                PublishReceive();
            }
        }

        PublishReceive();
        if (isNew)
        {
            _interface.Received.Wake();
        }

        return taken;
    }

    private void PutReceive(int slot) =>
        _receiveRing.Put(new ReceiveRequest { Id = (ushort)slot, Reference = _receiveSlots[slot].Reference });

    private void PublishReceive()
    {
        if (_receiveRing.Publish())
        {
            Notify(_receiveChannel, ref _counters.ReceiveNotifications);
        }
    }

    /// <summary>Runs when a sender waits, since only then an event is asked for.</summary>
    private async Task FreeAsync()
    {
        try
        {
            long freed = 0;
            while (true)
            {
                await _sendChannel!.WaitAsync(_stop.Token).ConfigureAwait(EventLoop.IsCurrent);
                _counters.SendEvents++;
                if (!WakeSenders(ref freed))
                {
                    _interface.Device.ReportSpuriousEvent(_sendChannel);
                }
            }
        }
        catch (Exception error) when (IsEnd(error))
        {
        }
        catch (Exception error)
        {
            _interface.Fail(this, error);
        }
    }

    /// <summary>Takes responses, and has senders try again.</summary>
    /// <param name="freed">How many had been taken at the last call, and have been now.</param>
    /// <returns>Whether there were any since.</returns>
    private bool WakeSenders(ref long freed)
    {
        bool isAny;
        lock (_gate)
        {
            _sending.TakeResponses();
            isAny = _sending.ResponsesTaken != freed;
            freed = _sending.ResponsesTaken;
        }

        _interface.Room.Set();
        return isAny;
    }

    private void NotifyOfSent() => Notify(_sendChannel ?? _receiveChannel, ref _counters.SendNotifications);

    private void Notify(IEventChannel channel, ref long counter)
    {
        try
        {
            Interlocked.Increment(ref counter);
            channel.Notify();
        }
        catch (ObjectDisposedException)
        {
            // The connection ends, or the domain was resumed and has not made another yet.
        }
        catch (XenException error)
        {
            _interface.Fail(this, error);
        }
    }

    private bool IsEnd(Exception error) =>
        error is ObjectDisposedException || (error is OperationCanceledException && _stop.IsCancellationRequested);
}
