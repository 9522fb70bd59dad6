using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Block;

/// <summary>
/// One connection to one back end: ring, event channel, granted pages, and the requests under way. It ends with the back end, or with a
/// suspend, and its pages go to no other back end. Guarded by the device's gate, but for the wait.
/// </summary>
internal sealed class BlockConnection : IDisposable, IThreadPoolWorkItem
{
    private readonly EventLoop? _loop = EventLoop.Current;
    private readonly BlockDevice _device;
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
        BlockDevice device, IEventChannels channels, ISharedPages pages, ushort domain, int ringPages, ushort handle, BlockOptions options)
    {
        _device = device;
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

    /// <summary>The event channel's port for the back end to bind to.</summary>
    public uint Port => _events.Port;

    /// <summary>Requests without an answer.</summary>
    public int UnderWay => _slots.Length - _free.Count;

    /// <summary>Whether another request can be begun.</summary>
    public bool HasFreeSlot => _free.Count > 0;

    /// <summary>Whether a wait for an event is under way.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>Segments that the back end accepts in an indirect request.</summary>
    public int IndirectSegments { get; set; }

    /// <summary>
    /// Puts a request for as much of a fragment as one request can carry into the ring, and takes it off the fragment. False when there are
    /// too few pages now.
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

    /// <summary>Shows the back end what was put, and wakes it if it may be asleep.</summary>
    public void Publish()
    {
        if (_ring.Publish())
        {
            _events.Notify();
        }
    }

    /// <summary>Takes the next answer.</summary>
    /// <returns>Its slot, which the caller ends with <see cref="Finish"/>; <see langword="null"/> when there is none.</returns>
    /// <exception cref="BrokenRingException">The back end has answered what it was not asked.</exception>
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

    /// <summary>Asks for an event at the next answer, and looks once more.</summary>
    public bool FinalCheck() => _ring.FinalCheck();

    /// <summary>Copies what was read to where the caller wants it.</summary>
    public static void CopyOut(BlockSlot slot, Memory<byte> destination)
    {
        Span<byte> rest = destination.Span.Slice((int)slot.From, (int)slot.Length);
        foreach (GrantedPage page in slot.Pages)
        {
            int count = Math.Min(rest.Length, ISharedPage.Size);
            page.Span[..count].CopyTo(rest);
            rest = rest[count..];
        }
    }

    /// <summary>The slot and its pages can be used again.</summary>
    public void Finish(BlockSlot slot)
    {
        slot.End();
        ReturnPages(slot);
        _free.Push(slot);
    }

    /// <summary>The requests under way, the newest first.</summary>
    public IEnumerable<BlockSlot> NewestFirst() =>
        _slots.Where(slot => slot.Operation is not null).OrderByDescending(slot => slot.Sequence);

    /// <summary>
    /// Waits for an event, upon which <see cref="BlockDevice.Process"/> is called. Everything below it is driven by events, on the loop
    /// on which the connection was made, else by the pool. Called there, without the gate.
    /// </summary>
    public void StartWaiting()
    {
        if (!BeginWait())
        {
            return;
        }

        if (_loop is not null)
        {
            _loop.Queue(this);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>What is queued when an event has come already.</summary>
    void IThreadPoolWorkItem.Execute() => OnEvent();

    /// <summary>Looks at the ring as if an event had come, while no wait is under way.</summary>
    public void ProcessNow()
    {
        if (_device.Process(this, out BlockOperation? ended, out _))
        {
            StartWaiting();
            BlockDevice.Tell(ended);
        }
    }

    /// <summary>Ends event channel and grants. What the back end still has mapped is kept aside by the kernel.</summary>
    public void Dispose()
    {
        _events.Dispose();
        EndPages();
    }

    /// <summary>
    /// An event has come. The next wait begins before the callers are told, so that one that blocks its thread holds up nobody; and so the
    /// last of them can go on here, without another thread, where this is one of the pool.
    /// </summary>
    private void OnEvent()
    {
        bool hasEvent = true;
        while (hasEvent)
        {
            try
            {
                _wait.GetResult();
            }
            catch (ObjectDisposedException)
            {
                return;
            }

            if (!_device.Process(this, out BlockOperation? ended, out bool isAny))
            {
                return;
            }

            if (!isAny)
            {
                _device.SpuriousEvent?.Invoke(_events);
            }

            hasEvent = BeginWait();
            BlockDevice.Tell(ended, lastInline: !hasEvent && _loop is null);
        }
    }

    /// <summary>Begins a wait; true when it has ended already, so that there is no call.</summary>
    [SuppressMessage("Reliability", "CA2012:Use ValueTasks correctly", Justification = "The result is taken once, by OnEvent.")]
    private bool BeginWait()
    {
        try
        {
            _wait = _events.WaitAsync().GetAwaiter();
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        catch (XenException error)
        {
            _device.Break(this, error);
            return false;
        }

        if (_wait.IsCompleted)
        {
            return true;
        }

        _wait.UnsafeOnCompleted(_onEvent);
        return false;
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
    /// Rents pages for up to <paramref name="length"/> bytes, and one to list them where they are many. Fewer than wanted are taken as
    /// well, unless waiting for requests under way gives enough of them.
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
