using System.Globalization;
using System.Runtime.InteropServices;
using Xenlet.Drivers;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// The requests of one frame of a front end: one with data, extra infos if its flags say so, and further ones with data. It does not matter
/// how many of them have come.
/// </summary>
/// <remarks>
/// What no front end would do by mistake is a <see cref="BrokenRingException"/>, as in Linux's netback; a frame whose sizes make no sense
/// is answered with an error.
/// </remarks>
internal sealed class TransmitChain
{
    /// <summary>XEN_NETIF_NR_SLOTS_MIN: the requests with data of one frame that a back end has to accept.</summary>
    public const int MaximumSlots = 18;

    /// <summary>A frame of more loses only itself up to here: some front ends have sent them.</summary>
    private const int TolerableSlots = 20;

    private readonly TransmitRequest[] _slots = new TransmitRequest[TolerableSlots];
    private int _count;
    private int _extras;
    private bool _expectsExtra;
    private bool _expectsData;
    private int _firstCopy;
    private int _copies;

    /// <summary>The frame's length, in bytes.</summary>
    public int Length => _slots[0].Size;

    /// <summary>The bytes that the first request has of the frame, once <see cref="Examine"/> has seen that the sizes make sense.</summary>
    public int FirstLength { get; private set; }

    /// <summary>Whether there is a frame whose sizes make sense.</summary>
    public bool IsSound { get; private set; }

    /// <summary>XEN_NETTXF_csum_blank.</summary>
    public bool IsChecksumBlank => (_slots[0].Flags & NetProtocol.TransmitChecksumBlank) != 0;

    /// <summary>XEN_NETTXF_data_validated, which a blank checksum implies.</summary>
    public bool IsChecksumValidated =>
        (_slots[0].Flags & (NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated)) != 0;

    /// <summary>What the frame is to be cut into.</summary>
    public SegmentKind SegmentKind { get; private set; }

    /// <summary>Bytes of data in each segment; 0 for an ordinary frame.</summary>
    public int SegmentSize { get; private set; }

    /// <summary>The multicast address that the front end wants to join or leave, in place of a frame.</summary>
    public MacAddress? Multicast { get; private set; }

    /// <summary>Whether it wants to join.</summary>
    public bool Joins { get; private set; }

    /// <summary>Takes the next request.</summary>
    /// <param name="request">A copy that the front end cannot change.</param>
    /// <returns>Whether it is the last one.</returns>
    /// <exception cref="BrokenRingException">The front end has broken the protocol.</exception>
    public bool Add(in TransmitRequest request)
    {
        if (_expectsExtra)
        {
            AddExtra(request.AsExtra());
        }
        else
        {
            AddSlot(in request);
        }

        return !_expectsExtra && !_expectsData;
    }

    /// <summary>Checks the sizes of a frame that has come as a whole: <see cref="IsSound"/>.</summary>
    /// <exception cref="BrokenRingException">A part of the frame is outside its page.</exception>
    public void Examine()
    {
        IsSound = false;
        if (Multicast is not null)
        {
            return;
        }

        // The first request has the size of the whole frame.
        int first = Length;
        for (int i = 1; i < _count; i++)
        {
            Check(_slots[i].Offset, _slots[i].Size);
            first -= _slots[i].Size;
        }

        if (first < 0 || Length < EthernetHeader.Size || _count > MaximumSlots)
        {
            return;
        }

        Check(_slots[0].Offset, first);
        FirstLength = first;
        IsSound = true;
    }

    /// <summary>Plans the copies of bytes of a sound frame, which replace those that were planned before.</summary>
    /// <param name="start">The first of the bytes.</param>
    /// <param name="end">The end of the bytes.</param>
    /// <param name="copies">The copies of a batch.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="place">Where the next part goes in the buffer. No part crosses a page.</param>
    public void Plan(int start, int end, Span<GrantCopy> copies, ref int count, ref int place)
    {
        _firstCopy = count;
        foreach (TransmitPart part in new TransmitParts(this, start, end))
        {
            place = PageBuffer.PlaceFor(place, part.Length);
            copies[count++] = new()
            {
                Reference = part.Reference,
                Offset = part.Offset,
                Length = part.Length,
                BufferOffset = place,
            };
            place += part.Length;
        }

        _copies = count - _firstCopy;
    }

    /// <summary>Plans copies to somewhere else of all of a sound frame's bytes from one on.</summary>
    /// <returns>How many there are; 0 if they would be more than there is room for.</returns>
    public int PlanTransfers(Span<GrantTransfer> transfers, int start)
    {
        int count = 0;
        foreach (TransmitPart part in new TransmitParts(this, start, Length))
        {
            if (count == transfers.Length)
            {
                return 0;
            }

            transfers[count++] = new() { SourceReference = part.Reference, SourceOffset = part.Offset, Length = part.Length };
        }

        return count;
    }

    /// <summary>Whether all that was planned was copied.</summary>
    public bool IsCopied(ReadOnlySpan<GrantCopy> copies)
    {
        if (!IsSound)
        {
            return false;
        }

        foreach (GrantCopy copy in copies.Slice(_firstCopy, _copies))
        {
            if (copy.Result != GrantResult.Okay)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Puts the parts that were planned together.</summary>
    public void Gather(ReadOnlySpan<GrantCopy> copies, ReadOnlySpan<byte> buffer, Span<byte> destination)
    {
        foreach (GrantCopy copy in copies.Slice(_firstCopy, _copies))
        {
            buffer.Slice(copy.BufferOffset, copy.Length).CopyTo(destination);
            destination = destination[copy.Length..];
        }
    }

    /// <summary>Adds the parts that were planned to a frame.</summary>
    public void Gather(ReadOnlySpan<GrantCopy> copies, ReadOnlySpan<byte> buffer, FrameBuffer frame)
    {
        foreach (GrantCopy copy in copies.Slice(_firstCopy, _copies))
        {
            frame.Append(buffer.Slice(copy.BufferOffset, copy.Length));
        }
    }

    /// <summary>Answers all requests, in their order, and is empty for the next frame.</summary>
    /// <param name="ring">The ring.</param>
    /// <param name="status">The answer. Extra infos have one of their own.</param>
    public void Answer(BackRing<TransmitRequest, TransmitResponse> ring, short status)
    {
        for (int i = 0; i < _count; i++)
        {
            ring.Put(new TransmitResponse { Id = _slots[i].Id, Status = status });
            for (int extra = 0; i == 0 && extra < _extras; extra++)
            {
                ring.Put(new TransmitResponse { Status = NetProtocol.ResponseNull });
            }
        }

        _count = 0;
        _extras = 0;
        _copies = 0;
        SegmentKind = SegmentKind.None;
        SegmentSize = 0;
        Multicast = null;
    }

    private void AddSlot(in TransmitRequest request)
    {
        if (_count == TolerableSlots)
        {
            throw Broken($"a frame has more than {TolerableSlots} slots");
        }

        _expectsExtra = _count == 0 && (request.Flags & NetProtocol.TransmitExtraInfo) != 0;
        _expectsData = (request.Flags & NetProtocol.TransmitMoreData) != 0;
        _slots[_count++] = request;
    }

    private void AddExtra(ExtraInfo extra)
    {
        if (extra.Type is 0 or > NetProtocol.LastExtra)
        {
            throw Broken($"an extra info has the unknown type {extra.Type}");
        }

        if (++_extras > NetProtocol.MaximumExtras)
        {
            throw Broken($"a frame has more than {NetProtocol.MaximumExtras} extra infos");
        }

        switch (extra.Type)
        {
            case NetProtocol.ExtraGso:
                if (extra.Size == 0 || (SegmentKind)extra.Kind is not (SegmentKind.TcpV4 or SegmentKind.TcpV6))
                {
                    throw Broken($"a frame is to be cut into segments of {extra.Size} bytes, kind {extra.Kind}");
                }

                SegmentKind = (SegmentKind)extra.Kind;
                SegmentSize = extra.Size;
                break;
            case NetProtocol.ExtraMulticastAdd or NetProtocol.ExtraMulticastDelete:
                if (_expectsData)
                {
                    throw Broken($"a request for a multicast address has data");
                }

                Multicast = extra.ReadMulticast();
                Joins = extra.Type == NetProtocol.ExtraMulticastAdd;
                break;
        }

        _expectsExtra = (extra.Flags & NetProtocol.ExtraMore) != 0;
    }

    /// <summary>A slot and the bytes of the frame that it has.</summary>
    private TransmitPart PartOf(int slot) => new(
        _slots[slot].Reference, _slots[slot].Offset, slot == 0 ? FirstLength : _slots[slot].Size);

    private static void Check(int offset, int size)
    {
        if (offset + size > NetProtocol.PageSize)
        {
            throw Broken($"a request has {size} bytes at offset {offset} of a page");
        }
    }

    private static BrokenRingException Broken(FormattableString what) =>
        new("of the sending ring, " + what.ToString(CultureInfo.InvariantCulture));

    /// <summary>A piece of the frame in a page of the front end.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct TransmitPart(uint Reference, int Offset, int Length);

    /// <summary>Walks through the pieces in which bytes of a frame are, in their order; none is empty.</summary>
    private ref struct TransmitParts(TransmitChain chain, int start, int end)
    {
        private int _slot;
        private int _place;

        public TransmitPart Current { get; private set; }

        public readonly TransmitParts GetEnumerator() => this;

        public bool MoveNext()
        {
            while (_slot < chain._count)
            {
                TransmitPart part = chain.PartOf(_slot++);
                int from = Math.Max(start, _place);
                int to = Math.Min(end, _place + part.Length);
                int skipped = from - _place;
                _place += part.Length;
                if (from < to)
                {
                    Current = new(part.Reference, part.Offset + skipped, to - from);
                    return true;
                }
            }

            return false;
        }
    }
}
