using System.Runtime.InteropServices;
using Xenlet.Drivers;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Delivers frames to a front end: they are copied into the pages that it has put into the ring, a batch at a time. What the front end does
/// not support is done here: checksums are completed, and frames that stand for several segments are cut.
/// </summary>
/// <param name="ring">The ring.</param>
/// <param name="foreign">Copies into the front end's pages.</param>
/// <param name="domain">The front end's domain.</param>
/// <param name="channel">Notifies the front end. It stays the caller's.</param>
/// <param name="queue">The frames that wait for the front end.</param>
/// <param name="features">What the front end accepts.</param>
/// <param name="counters">Counts frames.</param>
internal sealed class ReceiveServer(
    BackRing<ReceiveRequest, ReceiveResponse> ring,
    IForeignPages foreign,
    ushort domain,
    IEventChannel channel,
    FairFrameQueue queue,
    FrontEndFeatures features,
    PortCounters counters)
{
    /// <summary>Slots of a batch, which is one copy.</summary>
    private const int Batch = PageBuffer.Pages;

    /// <summary>
    /// Batches after which other front ends have their turn: several of them send between two turns, and what they send must go out.
    /// </summary>
    private const int BatchesInTurn = 4;

    /// <summary>The most slots of one frame: 65,535 bytes, and an extra info.</summary>
    private const int MostSlots = 17;

    /// <summary>How soon pages are looked for of which the front end does not notify this end: netback's drain timeout.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(30);

    private readonly Lock _lock = new();
    private readonly Queue<ReceiveRequest> _free = new(ring.Capacity);
    private readonly PlannedSlot[] _slots = new PlannedSlot[Batch];
    private readonly GrantCopy[] _copies = new GrantCopy[Batch];
    private long _taken;
    private long _takenAtEvent;
    private bool _isDelivering;
    private bool _isClosed;
    private FrameBuffer? _frame;
    private int _segment;
    private int _count;
    private int _copyCount;
    private int _place;

    /// <summary>Delivers frames until the token is cancelled.</summary>
    /// <exception cref="BrokenRingException">The front end has broken the protocol.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                for (int count = 1; await DeliverBatchAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent); count++)
                {
                    if (count % BatchesInTurn == 0)
                    {
                        await Task.Yield();
                    }

                    cancellationToken.ThrowIfCancellationRequested();
                }

                if (features.Notifies || (_frame is null && queue.Count == 0))
                {
                    await queue.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }
                else
                {
                    await Task.Delay(PollInterval, EventLoop.Clock, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }
            }
        }
        finally
        {
            _frame?.Dispose();
        }
    }

    /// <summary>Handles an event of the front end. Any thread may call it.</summary>
    /// <returns>Whether the front end has put a page into the ring since the last event.</returns>
    /// <exception cref="BrokenRingException">The front end has broken the protocol.</exception>
    public bool OnEvent()
    {
        bool isAny;
        lock (_lock)
        {
            TakeRequests();
            isAny = _taken != _takenAtEvent;
            _takenAtEvent = _taken;
        }

        queue.Wake();
        return isAny;
    }

    /// <summary>
    /// Delivers a frame at once from its sender's pages, if no other waits, the front end can have it as it is, and its ring has pages for
    /// all parts. The front end gets the head that is here, and not what the sender has in its place by now. Any thread may call it.
    /// </summary>
    /// <returns>
    /// False if nothing was delivered: then the frame is to be sent as any other. So it is if Xen refuses a part: that way shows whose
    /// fault it is.
    /// </returns>
    public bool TryDeliver(in StraightFrame frame)
    {
        Span<GrantTransfer> parts = stackalloc GrantTransfer[StraightFrame.MostParts];
        if (!features.TakesChains
            || !features.Offloads.HasFlag(OffloadsFor(frame.SegmentKind))
            || frame.Plan(parts) is not (> 0 and var count))
        {
            return false;
        }

        lock (_lock)
        {
            if (_isClosed || _isDelivering || _frame is not null || queue.Count > 0 || !HasTaken(count + 1))
            {
                return false;
            }

            TakePages(parts[..count]);
            foreign.CopyBetween(frame.Domain, domain, parts[..count], frame.Head);
            foreach (GrantTransfer part in parts[..count])
            {
                if (part.Result != GrantResult.Okay)
                {
                    return false;
                }
            }

            PutStraight(parts[..count], frame.SegmentKind, frame.SegmentSize);
            counters.Received++;
            counters.Straight++;
            counters.ReceivedBytes += frame.Length;

            // Under the lock, since the channel may end after Close: that would be an error of the sender's.
            if (ring.Publish())
            {
                channel.Notify();
            }
        }

        return true;
    }

    /// <summary>Has <see cref="TryDeliver"/> deliver no more. Then that uses neither the ring nor the channel.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
        }
    }

    private static NetworkOffloads OffloadsFor(SegmentKind kind) =>
        kind.Offload() | (kind == SegmentKind.TcpV6 ? NetworkOffloads.ChecksumV6 : NetworkOffloads.ChecksumV4);

    private static ExtraInfo Gso(SegmentKind kind, int size) =>
        new() { Type = NetProtocol.ExtraGso, Size = (ushort)size, Kind = (byte)kind };

    /// <summary>Whether there are so many pages, without an event for the next one. Called under the lock.</summary>
    private bool HasTaken(int count)
    {
        try
        {
            TakeRequests();
        }
        catch (BrokenRingException)
        {
            // Not the sender's fault: who serves this ring finds it too.
            return false;
        }

        return _free.Count >= count;
    }

    /// <summary>Says to which page each part goes. The pages remain free.</summary>
    private void TakePages(Span<GrantTransfer> parts)
    {
        int slot = 0;
        foreach (ReceiveRequest request in _free)
        {
            // The second slot has the extra info.
            int part = slot == 0 ? 0 : slot - 1;
            if (slot++ != 1)
            {
                if (part == parts.Length)
                {
                    return;
                }

                parts[part].Reference = request.Reference;
            }
        }
    }

    private void PutStraight(ReadOnlySpan<GrantTransfer> parts, SegmentKind kind, int segmentSize)
    {
        for (int i = 0; i < parts.Length; i++)
        {
            ushort flags = (ushort)((i + 1 < parts.Length ? NetProtocol.ReceiveMoreData : 0)
                | (i == 0 ? NetProtocol.ReceiveChecksumBlank | NetProtocol.ReceiveDataValidated | NetProtocol.ReceiveExtraInfo : 0));
            ring.Put(new() { Id = _free.Dequeue().Id, Status = (short)parts[i].Length, Flags = flags });
            if (i == 0)
            {
                _free.Dequeue();
                ExtraInfo gso = Gso(kind, segmentSize);
                ring.Put(ReceiveResponse.Of(in gso));
            }
        }
    }

    private async ValueTask<bool> DeliverBatchAsync(CancellationToken cancellationToken)
    {
        if (_frame is null && queue.Count == 0)
        {
            return false;
        }

        lock (_lock)
        {
            _isDelivering = true;
        }

        PageBuffer buffer = PageBuffer.Rent();
        try
        {
            _count = _copyCount = _place = 0;
            while (_count <= Batch - MostSlots && TryPlanNext(buffer.Memory.Span))
            {
            }

            if (_count == 0)
            {
                return false;
            }

            await foreign.CopyToAsync(domain, _copies.AsMemory(0, _copyCount), buffer.Memory, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
            if (PutResponses())
            {
                channel.Notify();
            }

            return true;
        }
        finally
        {
            buffer.Return();
            lock (_lock)
            {
                _isDelivering = false;
            }
        }
    }

    /// <summary>Plans the next frame, or the next segment of one that is cut.</summary>
    /// <returns>False if there is none, or no room for it in the ring.</returns>
    private bool TryPlanNext(Span<byte> buffer)
    {
        while (true)
        {
            if (_frame is null)
            {
                if (!queue.TryTake(out _frame))
                {
                    return false;
                }

                _segment = 0;
            }

            if (!IsDeliverable(_frame!, out bool isCut, out int segments, out int length))
            {
                counters.Undeliverable++;
                Forget();
                continue;
            }

            bool hasExtra = !isCut && _frame!.SegmentSize > 0;
            int pages = Math.Max(1, (length + NetProtocol.PageSize - 1) / NetProtocol.PageSize);
            if (!HasRequests(pages + (hasExtra ? 1 : 0)))
            {
                return false;
            }

            _place = PageBuffer.PlaceFor(_place, length);
            ushort flags = Write(_frame!, isCut, buffer.Slice(_place, length));
            PlanSlots(length, pages, flags, hasExtra ? _frame : null);
            counters.Received++;
            counters.ReceivedBytes += length;
            if (++_segment >= segments)
            {
                Forget();
            }

            return true;
        }
    }

    /// <summary>Whether the front end can have the frame, and what of it comes next.</summary>
    private bool IsDeliverable(FrameBuffer frame, out bool isCut, out int segments, out int length)
    {
        isCut = frame.SegmentSize > 0 && !features.Offloads.HasFlag(frame.SegmentKind.Offload());
        segments = 1;
        length = frame.Length;
        if (isCut)
        {
            if (!TcpSegments.TryRead(frame.Data, frame.SegmentSize, out TcpSegments cut))
            {
                return false;
            }

            segments = cut.Count;
            length = cut.LengthOf(_segment);
        }

        return length <= (features.TakesChains ? NetProtocol.MaximumFrameSize : NetProtocol.PageSize);
    }

    /// <summary>Writes what comes next of a frame into the buffer.</summary>
    /// <returns>The flags of its first response.</returns>
    private ushort Write(FrameBuffer frame, bool isCut, Span<byte> destination)
    {
        if (isCut)
        {
            TcpSegments.TryRead(frame.Data, frame.SegmentSize, out TcpSegments cut);
            cut.Write(_segment, destination);
            return NetProtocol.ReceiveDataValidated;
        }

        frame.Data.CopyTo(destination);
        if (!frame.IsChecksumBlank)
        {
            return frame.IsChecksumValidated ? NetProtocol.ReceiveDataValidated : (ushort)0;
        }

        if (features.Offloads.HasFlag(
            InternetChecksum.IsIPv6(destination) ? NetworkOffloads.ChecksumV6 : NetworkOffloads.ChecksumV4))
        {
            return NetProtocol.ReceiveChecksumBlank | NetProtocol.ReceiveDataValidated;
        }

        return InternetChecksum.TryFill(destination) ? NetProtocol.ReceiveDataValidated : (ushort)0;
    }

    private void PlanSlots(int length, int pages, ushort flags, FrameBuffer? segmented)
    {
        for (int i = 0; i < pages; i++)
        {
            int size = Math.Min(length - (i * NetProtocol.PageSize), NetProtocol.PageSize);
            ReceiveRequest request = TakeFree();
            int more = i + 1 < pages ? NetProtocol.ReceiveMoreData : 0;
            int extra = i == 0 && segmented is not null ? NetProtocol.ReceiveExtraInfo : 0;
            _copies[_copyCount] = new() { Reference = request.Reference, Length = size, BufferOffset = _place };
            _slots[_count++] = new(
                new() { Id = request.Id, Status = (short)size, Flags = (ushort)((i == 0 ? flags : 0) | more | extra) }, _copyCount++);
            _place += size;
            if (extra != 0)
            {
                TakeFree();
                ExtraInfo gso = Gso(segmented!.SegmentKind, segmented.SegmentSize);
                _slots[_count++] = new(ReceiveResponse.Of(in gso), null);
            }
        }
    }

    /// <summary>Puts the responses of a batch into the ring. Returns whether the front end has to be notified.</summary>
    private bool PutResponses()
    {
        lock (_lock)
        {
            foreach (PlannedSlot slot in _slots.AsSpan(0, _count))
            {
                ReceiveResponse response = slot.Response;
                if (slot.Copy is { } copy && _copies[copy].Result != GrantResult.Okay)
                {
                    response.Status = NetProtocol.ResponseError;
                    counters.Undeliverable++;
                }

                ring.Put(in response);
            }

            return ring.Publish();
        }
    }

    /// <summary>Whether there are so many pages. If not, the front end's next page causes an event.</summary>
    private bool HasRequests(int count)
    {
        lock (_lock)
        {
            do
            {
                TakeRequests();
                if (_free.Count >= count)
                {
                    return true;
                }
            }
            while (ring.FinalCheck());
            return false;
        }
    }

    /// <summary>Takes a page, of which <see cref="HasRequests"/> has seen that it is there. An event may bring others meanwhile.</summary>
    private ReceiveRequest TakeFree()
    {
        lock (_lock)
        {
            return _free.Dequeue();
        }
    }

    private void TakeRequests()
    {
        while (ring.TryTake(out ReceiveRequest request))
        {
            _free.Enqueue(request);
            _taken++;
        }
    }

    private void Forget()
    {
        _frame?.Dispose();
        _frame = null;
    }

    /// <summary>A response, and which copy fills its page; null for an extra info.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct PlannedSlot(ReceiveResponse Response, int? Copy);
}
