using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>What became of a frame.</summary>
internal enum SendResult
{
    /// <summary>It is on its way.</summary>
    Sent,

    /// <summary>There is no room now; <see cref="NetworkConnection"/> wakes the sender when there is.</summary>
    Full,

    /// <summary>The back end does not take such a frame.</summary>
    Unsupported,

    /// <summary>The connection has ended.</summary>
    Ended,
}

/// <summary>
/// One connection to one back end: two rings, their event channels, and pages that stay granted until its end. A resume or a reconnection makes another.
/// </summary>
/// <remarks>
/// Receiving is done by one loop, which alone touches that ring. The sending ring is touched by whoever sends, and by a loop that runs only when somebody waits for
/// room: responses are taken when the next frame is sent, without an event.
/// </remarks>
internal sealed class NetworkConnection : IAsyncDisposable
{
    // So many responses are taken before other work of the thread gets its turn.
    private const int Budget = 256;

    // The back end sees pages again after so many, not only at the end of a long run.
    private const int PublishEvery = 64;

    // How many responses a waiting sender is woken for, so that it is not woken for each.
    private const int WakeAfter = 32;

    private readonly BackEndFeatures _features;
    private readonly NetworkInterface _interface;
    private readonly NetworkCounters _counters;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<ISharedPage> _ringPages = [];
    private readonly List<IGrant> _ringGrants = [];
    private readonly HeldGrants _held;
    private readonly List<(string Name, long Value)> _nodes = [];
    private readonly IEventChannel _receiveChannel;
    private readonly IEventChannel? _sendChannel;
    private readonly FrontRing<TransmitRequest, TransmitResponse> _sendRing;
    private readonly FrontRing<ReceiveRequest, ReceiveResponse> _receiveRing;
    private readonly GrantedPagePool _sendPages;
    private readonly GrantedPagePool _receivePages;
    private readonly GrantedPage[] _receiveSlots;
    private readonly FrameAssembly _assembly;
    private readonly SendSlot[] _sendSlots;
    private readonly ushort[] _freeIds;
    private int _freeIdCount;
    private int _extras;

    // Responses of the sending ring, whoever took them: a sender may have taken what an event was sent for.
    private long _freed;
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
            _sendRing = new([MakeRingPage("tx-ring-ref")]);
            _receiveRing = new([MakeRingPage("rx-ring-ref")]);
            _receiveChannel = channels.AllocateUnbound(domain);
            if (features.SplitsEventChannels && options.SplitsEventChannels)
            {
                _sendChannel = channels.AllocateUnbound(domain);
                _nodes.Add(("event-channel-tx", _sendChannel.Port));
                _nodes.Add(("event-channel-rx", _receiveChannel.Port));
            }
            else
            {
                _nodes.Add(("event-channel", _receiveChannel.Port));
            }

            _sendSlots = new SendSlot[_sendRing.Capacity];
            _freeIds = [.. Enumerable.Range(0, _sendSlots.Length).Select(id => (ushort)id)];
            _freeIdCount = _freeIds.Length;
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
            _nodes.Add((node, grant.Reference));
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
    public IReadOnlyList<(string Name, long Value)> Nodes => _nodes;

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

                    Free();
                    return _freeIdCount < _freeIds.Length;
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

                result = Put(frame);

                // A sender that has to wait is waited for by nobody but the back end.
                notifies = (!hasMore || result != SendResult.Sent) && _sendRing.Publish();
                if (result == SendResult.Full && TryMakeRoom(frame))
                {
                    result = Put(frame);
                    notifies |= !hasMore && _sendRing.Publish();
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
            if (_isClosed || !_sendRing.Publish())
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

                Free();
                if ((_sendRing.Free < 2 || _freeIdCount == 0) && !TryMakeRoom(2, 0))
                {
                    return SendResult.Full;
                }

                ushort id = TakeId(new SendSlot { IsUsed = true, Multicast = address, Joins = joins });
                _sendRing.Put(new TransmitRequest { Id = id, Flags = NetProtocol.TransmitExtraInfo });
                PutExtra(ExtraInfo.Multicast(joins, address));
                notifies = _sendRing.Publish();
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

        return SendResult.Sent;
    }

    /// <summary>Ends everything and gives the pages back; those that the back end still has mapped are kept aside by the kernel until it lets go.</summary>
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

    private void PutReceive(int slot) => _receiveRing.Put(new ReceiveRequest { Id = (ushort)slot, Reference = _receiveSlots[slot].Reference });

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
            Free();
            isAny = _freed != freed;
            freed = _freed;
        }

        _interface.Room.Set();
        return isAny;
    }

    private SendResult Put(FrameBuffer frame)
    {
        int length = frame.Length;
        int count = CountPages(length);
        ushort flags = 0;
        if (frame.SegmentSize > 0)
        {
            NetworkOffloads needed = frame.SegmentKind == SegmentKind.TcpV4 ? NetworkOffloads.SegmentTcpV4 : NetworkOffloads.SegmentTcpV6;
            if (!_features.Offloads.HasFlag(needed))
            {
                return SendResult.Unsupported;
            }

            flags = NetProtocol.TransmitExtraInfo | NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated;
        }

        if (count > 1 && !_features.TakesChains)
        {
            return SendResult.Unsupported;
        }

        int slots = CountSlots(frame);
        if (!HasRoom(slots, count))
        {
            Free();
            if (!HasRoom(slots, count))
            {
                return SendResult.Full;
            }
        }

        if (frame.IsChecksumBlank && frame.SegmentSize == 0)
        {
            if (_features.Offloads.HasFlag(InternetChecksum.IsIPv6(frame.Data) ? NetworkOffloads.ChecksumV6 : NetworkOffloads.ChecksumV4))
            {
                flags = NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated;
            }
            else if (InternetChecksum.TryFill(frame.Data))
            {
                _counters.ChecksumsFilled++;
            }
        }
        else if (frame.IsChecksumValidated)
        {
            flags |= NetProtocol.TransmitDataValidated;
        }

        // All pages first: a frame goes whole or not at all, whatever the pool says of itself.
        Span<ushort> ids = stackalloc ushort[count];
        for (int i = 0; i < count; i++)
        {
            if (!_sendPages.TryRent(out GrantedPage? page))
            {
                while (--i >= 0)
                {
                    _sendPages.Return(_sendSlots[ids[i]].Page!);
                    GiveId(ids[i]);
                }

                return SendResult.Full;
            }

            ids[i] = TakeId(new SendSlot { IsUsed = true, Page = page });
        }

        ReadOnlySpan<byte> rest = frame.Data;
        for (int i = 0; i < count; i++)
        {
            GrantedPage page = _sendSlots[ids[i]].Page!;
            ReadOnlySpan<byte> part = rest[..Math.Min(rest.Length, NetProtocol.PageSize)];
            rest = rest[part.Length..];
            part.CopyTo(page.Span);
            _sendRing.Put(new TransmitRequest
            {
                Id = ids[i],
                Reference = page.Reference,
                Flags = (ushort)((i == 0 ? flags : 0) | (rest.Length > 0 ? NetProtocol.TransmitMoreData : 0)),

                // The first says how long the whole frame is.
                Size = (ushort)(i == 0 ? length : part.Length),
            });
            if (i == 0 && frame.SegmentSize > 0)
            {
                PutExtra(new ExtraInfo { Type = NetProtocol.ExtraGso, Size = (ushort)frame.SegmentSize, Kind = (byte)frame.SegmentKind });
            }
        }

        _counters.SentFrames++;
        _counters.SentBytes += length;
        _interface.Capture?.Add(frame.Data);
        return SendResult.Sent;
    }

    /// <summary>Takes responses; where there is still no room, asks for an event when there may be some.</summary>
    private bool TryMakeRoom(FrameBuffer frame) => TryMakeRoom(CountSlots(frame), CountPages(frame.Length));

    private bool TryMakeRoom(int slots, int pages)
    {
        do
        {
            Free();
            if (HasRoom(slots, pages))
            {
                return true;
            }
        }
        while (_sendRing.FinalCheck(WakeAfter));
        return false;
    }

    private bool HasRoom(int slots, int pages) => _sendRing.Free >= slots && _freeIdCount >= Math.Max(pages, 1) && _sendPages.Available >= pages;

    private static int CountPages(int length) => (length + NetProtocol.PageSize - 1) / NetProtocol.PageSize;

    private static int CountSlots(FrameBuffer frame) => CountPages(frame.Length) + (frame.SegmentSize > 0 ? 1 : 0);

    /// <summary>Takes the responses that are there: their pages are free again.</summary>
    private void Free()
    {
        while (_sendRing.TryTake(out TransmitResponse response))
        {
            _freed++;
            if (response.Status == NetProtocol.ResponseNull)
            {
                // Answers an extra info, whose place has no id.
                if (--_extras < 0)
                {
                    throw new BrokenRingException("of the sending ring, a response answers an extra info that was not sent");
                }

                continue;
            }

            ushort id = response.Id;
            if (id >= _sendSlots.Length || !_sendSlots[id].IsUsed)
            {
                throw new BrokenRingException(string.Create(CultureInfo.InvariantCulture, $"of the sending ring, a response has id {id}, which waits for none"));
            }

            SendSlot slot = _sendSlots[id];
            GiveId(id);
            if (slot.Page is not null)
            {
                _sendPages.Return(slot.Page);
            }

            if (response.Status != NetProtocol.ResponseOkay)
            {
                _counters.SendErrors++;
                if (slot.Page is null && slot.Joins)
                {
                    _interface.Report($"the back end does not take multicast address {slot.Multicast}: status {response.Status.ToString(CultureInfo.InvariantCulture)}");
                }
            }
        }
    }

    private ushort TakeId(in SendSlot slot)
    {
        ushort id = _freeIds[--_freeIdCount];
        _sendSlots[id] = slot;
        return id;
    }

    private void GiveId(ushort id)
    {
        _sendSlots[id] = default;
        _freeIds[_freeIdCount++] = id;
    }

    private void PutExtra(in ExtraInfo extra)
    {
        _sendRing.Put(TransmitRequest.Of(in extra));
        _extras++;
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

    /// <summary>What a request's id stands for.</summary>
    private struct SendSlot
    {
        public bool IsUsed;

        /// <summary>The page, or none where it is about a multicast address.</summary>
        public GrantedPage? Page;

        public MacAddress Multicast;
        public bool Joins;
    }
}
