using System.Globalization;
using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>
/// Puts received frames together from the slots in which a back end delivers them: one with data, extra infos if its flags say so, and
/// further ones with data. Each slot is checked on its own, so it does not matter how many of a frame's slots have come.
/// </summary>
/// <remarks>
/// A violation of the protocol ends the connection by <see cref="BrokenRingException"/>; a slot that the back end could not fill loses only
/// the frame.
/// </remarks>
/// <param name="memory">What frames are put together in.</param>
/// <param name="counters">Counts the frames that are lost.</param>
/// <typeparam name="TFrame">A frame's memory.</typeparam>
internal sealed class FrameAssembly<TFrame>(IFrameMemory<TFrame> memory, NetworkCounters counters)
    where TFrame : class
{
    private TFrame? _frame;

    // Bytes of the frame's slots so far, those included that were not kept.
    private int _length;
    private ushort _flags;
    private int _slots;
    private int _extras;
    private bool _expectsExtra;
    private bool _expectsData;
    private bool _isLost;
    private bool _isOutOfMemory;
    private SegmentKind _segmentKind;
    private int _segmentSize;

    /// <summary>Takes the next response of the ring.</summary>
    /// <param name="response">A copy that the back end cannot change.</param>
    /// <param name="page">The page of its slot, which the back end may change at any time.</param>
    /// <param name="id">The id of its request: responses come in the order of the requests.</param>
    /// <returns>A frame that this response completes; the caller owns it.</returns>
    /// <exception cref="BrokenRingException">The back end has broken the protocol.</exception>
    public TFrame? Add(in ReceiveResponse response, ReadOnlyMemory<byte> page, ushort id)
    {
        bool isLast = _expectsExtra ? AddExtra(response.AsExtra()) : AddData(in response, page, id);
        return isLast ? Finish() : null;
    }

    /// <summary>Returns an unfinished frame to the pool.</summary>
    public void Abandon()
    {
        if (_frame is not null)
        {
            memory.Return(_frame);
            _frame = null;
        }
    }

    private bool AddData(in ReceiveResponse response, ReadOnlyMemory<byte> page, ushort id)
    {
        if (response.Id != id)
        {
            throw Broken($"a response has id {response.Id} where {id} is next");
        }

        if ((response.Flags & NetProtocol.ReceiveGsoPrefix) != 0)
        {
            throw Broken($"a response has flags {response.Flags:x}, among them the GSO prefix that was not asked for");
        }

        if (++_slots > NetProtocol.MaximumReceiveSlots)
        {
            throw Broken($"a frame has more than {NetProtocol.MaximumReceiveSlots} slots");
        }

        int size = response.Status;
        if (size < 0)
        {
            _isLost = true;
        }
        else if (response.Offset + size > NetProtocol.PageSize)
        {
            throw Broken($"a response has {size} bytes at offset {response.Offset} of a page");
        }
        else if (!_isLost)
        {
            Append(page.Slice(response.Offset, size));
        }

        if (!_expectsData)
        {
            _flags = response.Flags;
            _expectsExtra = (response.Flags & NetProtocol.ReceiveExtraInfo) != 0;
        }

        _expectsData = (response.Flags & NetProtocol.ReceiveMoreData) != 0;
        return !_expectsData && !_expectsExtra;
    }

    private bool AddExtra(ExtraInfo extra)
    {
        if (extra.Type is 0 or > NetProtocol.LastExtra)
        {
            throw Broken($"an extra info has the unknown type {extra.Type}");
        }

        if (++_extras > NetProtocol.MaximumExtras)
        {
            throw Broken($"a frame has more than {NetProtocol.MaximumExtras} extra infos");
        }

        if (extra.Type == NetProtocol.ExtraGso)
        {
            if (extra.Size == 0 || (SegmentKind)extra.Kind is not (SegmentKind.TcpV4 or SegmentKind.TcpV6))
            {
                throw Broken($"a frame is to be cut into segments of {extra.Size} bytes, kind {extra.Kind}");
            }

            _segmentKind = (SegmentKind)extra.Kind;
            _segmentSize = extra.Size;
        }

        _expectsExtra = (extra.Flags & NetProtocol.ExtraMore) != 0;
        return !_expectsExtra && !_expectsData;
    }

    private void Append(ReadOnlyMemory<byte> data)
    {
        _length += data.Length;
        if (_length > NetProtocol.MaximumFrameSize)
        {
            return;
        }

        try
        {
            if (_frame is null || _length > memory.Capacity(_frame))
            {
                TFrame larger = memory.Rent(_length);
                if (_frame is not null)
                {
                    memory.Append(larger, memory.Data(_frame));
                    memory.Return(_frame);
                }

                _frame = larger;
            }

            memory.Append(_frame, data);
        }
        catch (OutOfMemoryException)
        {
            _isLost = true;
            _isOutOfMemory = true;
        }
    }

    private TFrame? Finish()
    {
        TFrame? frame = _frame;
        if (_isLost || _length is < EthernetHeader.Size or > NetProtocol.MaximumFrameSize)
        {
            ref long counter = ref counters.ReceiveRunts;
            if (_isLost)
            {
                counter = ref _isOutOfMemory ? ref counters.ReceiveMemoryDrops : ref counters.ReceiveErrors;
            }
            else if (_length > NetProtocol.MaximumFrameSize)
            {
                counter = ref counters.ReceiveGiants;
            }

            counter++;
            Abandon();
            frame = null;
        }
        else
        {
            bool isBlank = (_flags & NetProtocol.ReceiveChecksumBlank) != 0;
            bool isValidated = (_flags & (NetProtocol.ReceiveChecksumBlank | NetProtocol.ReceiveDataValidated)) != 0;
            memory.Describe(frame!, isBlank, isValidated, _segmentKind, _segmentSize);
        }

        _frame = null;
        _length = 0;
        _slots = 0;
        _extras = 0;
        _isLost = false;
        _isOutOfMemory = false;
        _segmentKind = SegmentKind.None;
        _segmentSize = 0;
        return frame;
    }

    private static BrokenRingException Broken(FormattableString what) =>
        new("of the receiving ring, " + what.ToString(CultureInfo.InvariantCulture));
}
