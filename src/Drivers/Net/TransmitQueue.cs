using System.Globalization;
using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>The result of sending a frame.</summary>
internal enum SendResult
{
    /// <summary>It is in the ring.</summary>
    Sent,

    /// <summary>There is no room now; <see cref="TransmitRing"/> wakes the sender when there is.</summary>
    Full,

    /// <summary>The back end does not support such a frame.</summary>
    Unsupported,

    /// <summary>The connection has ended.</summary>
    Ended,
}

/// <summary>
/// The content of a transmit ring: frames are copied into granted pages and put into the ring, and the back end's responses free the pages.
/// Responses are taken when room is needed, without an event. Used by one thread at a time.
/// </summary>
/// <param name="ring">The ring.</param>
/// <param name="pages">The pages for copies of frames. The caller keeps the pool.</param>
/// <param name="features">What the back end supports.</param>
/// <param name="counters">Counts what was sent.</param>
internal sealed class TransmitQueue(
    FrontRing<TransmitRequest, TransmitResponse> ring, GrantedPagePool pages, BackEndFeatures features, NetworkCounters counters)
{
    // A waiting sender is woken after this many responses, not after each.
    private const int WakeAfter = 32;

    private readonly FrontRing<TransmitRequest, TransmitResponse> _ring = ring;
    private readonly GrantedPagePool _pages = pages;
    private readonly BackEndFeatures _features = features;
    private readonly NetworkCounters _counters = counters;
    private readonly SendSlot[] _slots = new SendSlot[ring.Capacity];
    private readonly ushort[] _freeIds = [.. Enumerable.Range(0, ring.Capacity).Select(id => (ushort)id)];
    private readonly Memory<byte>[] _places = new Memory<byte>[CountPages(NetProtocol.MaximumFrameSize)];
    private int _freeIdCount = ring.Capacity;
    private int _extras;

    /// <summary>The number of all responses taken so far, also by senders: one may have taken those for which an event was sent.</summary>
    public long ResponsesTaken { get; private set; }

    /// <summary>Whether the back end has frames that it has not answered.</summary>
    public bool HasFramesUnderWay => _freeIdCount < _freeIds.Length;

    /// <summary>Called with an address that the back end refuses to join, and its status.</summary>
    public Action<MacAddress, short>? MulticastRefused { get; init; }

    /// <summary>Puts a copy of a frame into the ring.</summary>
    /// <param name="frame">What to send.</param>
    /// <param name="hasMore">Another frame follows at once: the back end is not notified yet.</param>
    /// <param name="notifies">Whether the back end has to be notified.</param>
    /// <exception cref="BrokenRingException">The back end has answered a request that was not sent.</exception>
    public SendResult Send(in OutgoingFrame frame, bool hasMore, out bool notifies)
    {
        SendResult result = Put(frame);

        // A sender that has to wait sends no frame that would publish the earlier ones.
        notifies = (!hasMore || result != SendResult.Sent) && _ring.Publish();
        if (result == SendResult.Full && TryMakeRoom(CountSlots(frame), CountPages(frame.Length)))
        {
            result = Put(frame);
            notifies |= !hasMore && _ring.Publish();
        }

        return result;
    }

    /// <summary>Makes the back end deliver, or no longer deliver, frames to a multicast address.</summary>
    /// <param name="joins">Whether to deliver them.</param>
    /// <param name="address">The address.</param>
    /// <param name="notifies">Whether the back end has to be notified.</param>
    /// <exception cref="BrokenRingException">The back end has answered a request that was not sent.</exception>
    public SendResult SendMulticast(bool joins, MacAddress address, out bool notifies)
    {
        notifies = false;
        TakeResponses();
        if ((_ring.Free < 2 || _freeIdCount == 0) && !TryMakeRoom(2, 0))
        {
            return SendResult.Full;
        }

        ushort id = TakeId(new SendSlot { Multicast = new MulticastRequest(address, joins) });
        _ring.Put(new TransmitRequest { Id = id, Flags = NetProtocol.TransmitExtraInfo });
        PutExtra(ExtraInfo.Multicast(joins, address));
        notifies = _ring.Publish();
        return SendResult.Sent;
    }

    /// <summary>Publishes frames that were sent with more to follow. Returns whether the back end has to be notified.</summary>
    public bool Flush() => _ring.Publish();

    /// <summary>Takes all present responses, and frees their pages.</summary>
    public void TakeResponses()
    {
        while (_ring.TryTake(out TransmitResponse response))
        {
            ResponsesTaken++;
            if (response.Status == NetProtocol.ResponseNull)
            {
                // The response to an extra info, which has no id.
                if (--_extras < 0)
                {
                    throw new BrokenRingException("of the sending ring, a response answers an extra info that was not sent");
                }

                continue;
            }

            ushort id = response.Id;
            if (id >= _slots.Length || !_slots[id].IsUsed)
            {
                throw new BrokenRingException(
                    string.Create(CultureInfo.InvariantCulture, $"of the sending ring, a response has id {id}, which waits for none"));
            }

            SendSlot slot = _slots[id];
            GiveId(id);
            if (slot.Page is not null)
            {
                _pages.Return(slot.Page);
            }

            if (response.Status != NetProtocol.ResponseOkay)
            {
                _counters.SendErrors++;
                if (slot.Multicast is { Joins: true } refused)
                {
                    MulticastRefused?.Invoke(refused.Address, response.Status);
                }
            }
        }
    }

    private SendResult Put(in OutgoingFrame frame)
    {
        int pages = CountPages(frame.Length);
        int slots = CountSlots(frame);
        if (!IsSupported(frame, pages))
        {
            return SendResult.Unsupported;
        }

        if (!HasRoom(slots, pages))
        {
            TakeResponses();
            if (!HasRoom(slots, pages))
            {
                return SendResult.Full;
            }
        }

        ushort flags = ChooseFlags(frame);
        Span<ushort> ids = stackalloc ushort[pages];
        if (!TryRentPages(ids))
        {
            return SendResult.Full;
        }

        Copy(frame, ids);
        PutRequests(frame, flags, ids);
        _counters.SentFrames++;
        _counters.SentBytes += frame.Length;
        return SendResult.Sent;
    }

    private bool IsSupported(in OutgoingFrame frame, int pages)
    {
        if (pages > 1 && !_features.TakesChains)
        {
            return false;
        }

        return frame.SegmentSize <= 0 || _features.Offloads.HasFlag(frame.SegmentKind.Offload());
    }

    /// <summary>The flags of a frame's first request. It completes a checksum that the back end cannot complete.</summary>
    private ushort ChooseFlags(in OutgoingFrame frame)
    {
        if (frame.SegmentSize > 0)
        {
            return NetProtocol.TransmitExtraInfo | NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated;
        }

        if (!frame.IsChecksumBlank)
        {
            return frame.IsChecksumValidated ? NetProtocol.TransmitDataValidated : (ushort)0;
        }

        if (_features.Offloads.HasFlag(InternetChecksum.IsIPv6(frame.Head) ? NetworkOffloads.ChecksumV6 : NetworkOffloads.ChecksumV4))
        {
            return NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated;
        }

        if (InternetChecksum.TryFill(frame.Data))
        {
            _counters.ChecksumsFilled++;
        }

        return 0;
    }

    /// <summary>Rents all pages of a frame or none: a frame is sent whole, and the pool may have fewer pages than it reports.</summary>
    private bool TryRentPages(Span<ushort> ids)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if (!_pages.TryRent(out GrantedPage? page))
            {
                ReturnPages(ids[..i]);
                return false;
            }

            ids[i] = TakeId(new SendSlot { Page = page });
        }

        return true;
    }

    private void ReturnPages(ReadOnlySpan<ushort> ids)
    {
        foreach (ushort id in ids)
        {
            _pages.Return(_slots[id].Page!);
            GiveId(id);
        }
    }

    /// <summary>Copies a frame into its pages. If that fails, the ring is as it was.</summary>
    private void Copy(in OutgoingFrame frame, ReadOnlySpan<ushort> ids)
    {
        try
        {
            if (ids.Length == 1)
            {
                frame.CopyTo(0, _slots[ids[0]].Page!.Span[..frame.Length]);
                return;
            }

            for (int i = 0; i < ids.Length; i++)
            {
                int length = Math.Min(frame.Length - (i * NetProtocol.PageSize), NetProtocol.PageSize);
                _places[i] = _slots[ids[i]].Page!.Memory[..length];
            }

            frame.CopyTo(_places.AsSpan(0, ids.Length));
        }
        catch
        {
            ReturnPages(ids);
            throw;
        }
    }

    /// <summary>Puts the requests of a frame's pages into the ring.</summary>
    private void PutRequests(in OutgoingFrame frame, ushort flags, ReadOnlySpan<ushort> ids)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            GrantedPage page = _slots[ids[i]].Page!;
            int rest = frame.Length - (i * NetProtocol.PageSize);
            _ring.Put(new TransmitRequest
            {
                Id = ids[i],
                Reference = page.Reference,
                Flags = (ushort)((i == 0 ? flags : 0) | (rest > NetProtocol.PageSize ? NetProtocol.TransmitMoreData : 0)),

                // The first request has the length of the whole frame.
                Size = (ushort)(i == 0 ? frame.Length : Math.Min(rest, NetProtocol.PageSize)),
            });
            if (i == 0 && frame.SegmentSize > 0)
            {
                PutExtra(new ExtraInfo { Type = NetProtocol.ExtraGso, Size = (ushort)frame.SegmentSize, Kind = (byte)frame.SegmentKind });
            }
        }
    }

    /// <summary>Takes responses. If there is still no room, requests an event for when there may be some.</summary>
    private bool TryMakeRoom(int slots, int pages)
    {
        do
        {
            TakeResponses();
            if (HasRoom(slots, pages))
            {
                return true;
            }
        }
        while (_ring.FinalCheck(WakeAfter));
        return false;
    }

    private bool HasRoom(int slots, int pages) => _ring.Free >= slots && _freeIdCount >= Math.Max(pages, 1) && _pages.Available >= pages;

    private static int CountPages(int length) => (length + NetProtocol.PageSize - 1) / NetProtocol.PageSize;

    private static int CountSlots(in OutgoingFrame frame) => CountPages(frame.Length) + (frame.SegmentSize > 0 ? 1 : 0);

    private ushort TakeId(in SendSlot slot)
    {
        ushort id = _freeIds[--_freeIdCount];
        _slots[id] = slot;
        return id;
    }

    private void GiveId(ushort id)
    {
        _slots[id] = default;
        _freeIds[_freeIdCount++] = id;
    }

    private void PutExtra(in ExtraInfo extra)
    {
        _ring.Put(TransmitRequest.Of(in extra));
        _extras++;
    }

    /// <summary>The content of a request with some id.</summary>
    private struct SendSlot
    {
        /// <summary>The page of a frame.</summary>
        public GrantedPage? Page;

        /// <summary>What is asked for instead.</summary>
        public MulticastRequest? Multicast;

        public readonly bool IsUsed => Page is not null || Multicast is not null;
    }

    /// <summary>A request for frames to a multicast address, or for no more of them.</summary>
    private sealed record MulticastRequest(MacAddress Address, bool Joins);
}
