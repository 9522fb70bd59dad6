using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Block;

/// <summary>
/// One connection to one back end: ring, event channel, granted pages, and the requests in flight. It ends with the back end, or with a
/// suspend, and no other back end gets its pages. Guarded by the disk's lock, except for the wait.
/// </summary>
internal sealed class BlockConnection : IDisposable, IThreadPoolWorkItem
{
    private readonly IBlockSink _sink;
    private readonly ISharedPage[] _ringPages;
    private readonly FrontRing<BlockRequest, BlockResponse> _ring;
    private readonly IEventChannel _events;
    private readonly GrantedPagePool _pool;
    private readonly BlockSlot[] _slots;
    private readonly Stack<BlockSlot> _free;
    private readonly ushort _handle;
    private readonly int _maxSegments;
    private readonly Action _onEvent;
    private ValueTaskAwaiter _wait;

    /// <summary>Allocates ring and event channel.</summary>
    /// <exception cref="XenException">There is no grant or no port left.</exception>
    /// <exception cref="OutOfMemoryException">There is no page left.</exception>
    public BlockConnection(
        IBlockSink sink, IEventChannels channels, ISharedPages pages, ushort domain, int ringPages, ushort handle, BlockOptions options)
    {
        _sink = sink;
        _handle = handle;
        _maxSegments = options.MaxSegments;
        _onEvent = OnEvent;
        _ringPages = new ISharedPage[ringPages];
        RingReferences = new uint[ringPages];
        _pool = new GrantedPagePool(pages, domain, options.MaxPoolPages);
        try
        {
            for (int i = 0; i < ringPages; i++)
            {
                _ringPages[i] = pages.Allocate();
            }

            _ring = new FrontRing<BlockRequest, BlockResponse>(_ringPages);
            for (int i = 0; i < ringPages; i++)
            {
                RingReferences[i] = _ringPages[i].Grant(domain).Reference;
            }

            _events = channels.AllocateUnbound(domain);
        }
        catch
        {
            EndPages();
            throw;
        }

        _slots = [.. Enumerable.Range(0, _ring.Capacity).Select(number => new BlockSlot(number))];
        _free = new Stack<BlockSlot>(_slots.Reverse());
    }

    /// <summary>The ring's pages for the back end to map.</summary>
    public uint[] RingReferences { get; }

    /// <summary>The event channel, whose port the back end binds to.</summary>
    public IEventChannel Channel => _events;

    /// <summary>
    /// The event loop on which the connection was made, and on which its events are handled; <see langword="null"/> for the pool.
    /// </summary>
    public EventLoop? Loop { get; } = EventLoop.Current;

    /// <summary>Requests in flight.</summary>
    public int UnderWay => _slots.Length - _free.Count;

    /// <summary>Whether another request can be begun.</summary>
    public bool HasFreeSlot => _free.Count > 0;

    /// <summary>Whether it waits for an event. Set by the disk.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>Segments that the back end accepts in an indirect request.</summary>
    public int IndirectSegments { get; set; }

    /// <summary>
    /// Puts one request into the ring, for as much of a fragment as it can carry, and shortens the fragment by that. Returns false when
    /// there are too few pages now.
    /// </summary>
    public bool TrySend(ref BlockFragment fragment, long sequence)
    {
        BlockOperation operation = fragment.Operation;
        BlockSlot slot = _free.Peek();
        BlockRequest request = default;
        long length = fragment.Length;
        if (operation.Kind is BlockRequestKind.Read or BlockRequestKind.Write)
        {
            if (!TryRentPages(slot, length))
            {
                return false;
            }

            length = Math.Min(length, (long)slot.Pages.Count * ISharedPage.Size);
            try
            {
                CopyIn(slot, operation, fragment.From, (int)length);
            }
            catch
            {
                ReturnPages(slot);
                throw;
            }
        }

        _free.Pop();
        slot.Begin(operation, operation.Kind, fragment.From, length, sequence);
        request.Id = slot.Id;
        request.Sector = (ulong)((operation.Offset + fragment.From) / BlockProtocol.Unit);
        request.Kind = operation.Kind;
        if (slot.List is { } list)
        {
            request.Kind = BlockRequestKind.Indirect;
            request.IndirectKind = operation.Kind;
            request.IndirectSegments = (ushort)slot.Pages.Count;
            request.IndirectHandle = _handle;
            request.IndirectReference = list.Reference;
            FillSegments(MemoryMarshal.Cast<byte, BlockSegment>(list.Span), slot, length);
        }
        else
        {
            request.Handle = _handle;
            if (operation.Kind == BlockRequestKind.Discard)
            {
                request.Sectors = (ulong)(length / BlockProtocol.Unit);
            }
            else
            {
                request.Segments = (byte)slot.Pages.Count;
                FillSegments(request.Data, slot, length);
            }
        }

        _ring.Put(in request);
        operation.Pending++;
        fragment.From += length;
        fragment.Length -= length;
        return true;
    }

    /// <summary>Publishes the requests in the ring, and notifies the back end if it may be asleep.</summary>
    public void Publish()
    {
        if (_ring.Publish())
        {
            _events.Notify();
        }
    }

    /// <summary>Takes all responses, gives each to the disk, and requests an event for the next. Returns whether there were any.</summary>
    /// <exception cref="BrokenRingException">The back end has answered a request that is not in flight.</exception>
    public bool TakeResponses()
    {
        bool isAny = false;
        do
        {
            while (TryTake(out BlockStatus status) is { } slot)
            {
                isAny = true;
                _sink.Completed(slot, status);
                Finish(slot);
            }
        }
        while (_ring.FinalCheck());
        return isAny;
    }

    /// <summary>Takes the next response.</summary>
    /// <returns>Its slot, which the caller frees by <see cref="Finish"/>; <see langword="null"/> when there is none.</returns>
    /// <exception cref="BrokenRingException">The back end has answered a request that is not in flight.</exception>
    public BlockSlot? TryTake(out BlockStatus status)
    {
        if (!_ring.TryTake(out BlockResponse response))
        {
            status = default;
            return null;
        }

        ulong number = response.Id & 0xFFFF;
        if (number >= (ulong)_slots.Length || _slots[number] is not { Operation: not null } slot || slot.Id != response.Id)
        {
            throw new BrokenRingException(
                string.Create(CultureInfo.InvariantCulture, $"the back end has answered request {response.Id:x}, which is not under way"));
        }

        if (slot.Kind != response.Kind)
        {
            throw new BrokenRingException(string.Create(
                CultureInfo.InvariantCulture, $"the back end has answered a request of kind {(int)slot.Kind} as kind "
                    + $"{(int)response.Kind}"));
        }

        status = response.Status;
        return slot;
    }

    /// <summary>Makes a slot and its pages free for other requests.</summary>
    public void Finish(BlockSlot slot)
    {
        slot.End();
        ReturnPages(slot);
        _free.Push(slot);
    }

    /// <summary>The requests in flight, the newest first.</summary>
    public IEnumerable<BlockSlot> NewestFirst() =>
        _slots.Where(slot => slot.Operation is not null).OrderByDescending(slot => slot.Sequence);

    /// <summary>
    /// Begins to wait for events, which are handled on <see cref="Loop"/>, else by the pool. Called there, without the lock.
    /// </summary>
    /// <exception cref="XenException">Xen refused.</exception>
    public void StartWaiting()
    {
        if (!BeginWait())
        {
            return;
        }

        if (Loop is not null)
        {
            Loop.Queue(this);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Handles an event that came before the first wait.</summary>
    void IThreadPoolWorkItem.Execute() => OnEvent();

    /// <summary>Begins a wait. Returns true when it has ended already; then the disk is not called for it.</summary>
    /// <exception cref="XenException">Xen refused.</exception>
    [SuppressMessage("Reliability", "CA2012:Use ValueTasks correctly", Justification = "The result is taken once, by OnEvent.")]
    public bool BeginWait()
    {
        try
        {
            _wait = _events.WaitAsync().GetAwaiter();
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        if (_wait.IsCompleted)
        {
            return true;
        }

        _wait.UnsafeOnCompleted(_onEvent);
        return false;
    }

    /// <summary>Closes the event channel and ends the grants. The kernel keeps pages that the back end still has mapped.</summary>
    public void Dispose()
    {
        _events.Dispose();
        EndPages();
    }

    private void OnEvent()
    {
        do
        {
            try
            {
                _wait.GetResult();
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
        while (_sink.OnEvent(this));
    }

    private static void FillSegments(Span<BlockSegment> segments, BlockSlot slot, long length)
    {
        for (int i = 0; i < slot.Pages.Count; i++)
        {
            int count = (int)Math.Min(length, ISharedPage.Size);
            segments[i] = new BlockSegment { Reference = slot.Pages[i].Reference, Last = (byte)((count / BlockProtocol.Unit) - 1) };
            length -= count;
        }
    }

    private static void CopyIn(BlockSlot slot, BlockOperation operation, long from, int length)
    {
        if (operation.Kind != BlockRequestKind.Write)
        {
            return;
        }

        ReadOnlySpan<byte> rest = operation.Source.Span.Slice((int)from, length);
        foreach (GrantedPage page in slot.Pages)
        {
            int count = Math.Min(rest.Length, ISharedPage.Size);
            rest[..count].CopyTo(page.Span);
            rest = rest[count..];
        }
    }

    /// <summary>
    /// Rents pages for up to <paramref name="length"/> bytes, and one more for the list of segments if the request is indirect. If there
    /// are too few, it takes what there is, unless requests in flight will return more.
    /// </summary>
    private bool TryRentPages(BlockSlot slot, long length)
    {
        int most = IndirectSegments > BlockProtocol.DirectSegments
            ? Math.Min(_maxSegments, IndirectSegments)
            : Math.Min(_maxSegments, BlockProtocol.DirectSegments);
        int wanted = (int)Math.Min(most, (length + ISharedPage.Size - 1) / ISharedPage.Size);
        if (UnderWay > 0 && _pool.Available < Math.Min(wanted, BlockProtocol.DirectSegments))
        {
            return false;
        }

        GrantedPage? page;
        while (slot.Pages.Count < wanted && _pool.TryRent(out page))
        {
            slot.Pages.Add(page);
        }

        if (slot.Pages.Count > BlockProtocol.DirectSegments)
        {
            if (_pool.TryRent(out page))
            {
                slot.List = page;
            }
            else
            {
                slot.List = slot.Pages[^1];
                slot.Pages.RemoveAt(slot.Pages.Count - 1);
            }
        }

        return slot.Pages.Count > 0;
    }

    private void ReturnPages(BlockSlot slot)
    {
        foreach (GrantedPage page in slot.Pages)
        {
            _pool.Return(page);
        }

        slot.Pages.Clear();
        if (slot.List is { } list)
        {
            _pool.Return(list);
            slot.List = null;
        }
    }

    private void EndPages()
    {
        _pool.Dispose();
        foreach (ISharedPage? page in _ringPages)
        {
            page?.Dispose();
        }
    }
}
