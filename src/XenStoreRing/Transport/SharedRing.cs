using System.Globalization;
using System.Runtime.CompilerServices;

namespace Xenlet.XenStoreRing.Transport;

/// <summary>Which side of the page this is.</summary>
internal enum RingSide
{
    /// <summary>A guest: produces requests, consumes replies.</summary>
    Client,

    /// <summary>A xenstored; used by tests.</summary>
    Server,
}

/// <summary>
/// One side's view of the two rings in the page. The other side's indexes are read once for each use and checked; this side's are kept here
/// and only stored to the page. Used by one task at a time.
/// </summary>
/// <remarks>
/// Each index is stored by one aligned 32-bit write, after the bytes that it announces (for a consumer, after the freed bytes have been
/// read). A notification is due only when the other side may be asleep. It is awake while it has work left that it knows of, because it
/// checks the indexes again before it sleeps. So a producer notifies if, after its store, the other side has consumed everything that was
/// there before, and a consumer if the ring was full before its store. Both need a full barrier between the store and that check.
/// </remarks>
internal sealed unsafe class SharedRing
{
    private readonly byte* _page;
    private readonly Direction _out;
    private readonly Direction _in;
    private uint _produced;
    private uint _consumed;
    private XenStoreException? _fault;

    public SharedRing(nint page, RingSide side)
    {
        if (page == 0 || (page & 3) != 0)
        {
            throw new ArgumentException($"The ring page's address 0x{page:x} is not aligned to 4 bytes.", nameof(page));
        }

        _page = (byte*)page;
        Direction requests = new(RingLayout.Requests, RingLayout.RequestProducer, RingLayout.RequestConsumer, "req");
        Direction replies = new(RingLayout.Replies, RingLayout.ReplyProducer, RingLayout.ReplyConsumer, "rsp");
        (_out, _in) = side == RingSide.Client ? (requests, replies) : (replies, requests);
    }

    /// <summary>Takes over the indexes whatever their values, and discards what is there to be consumed.</summary>
    public void Attach()
    {
        _produced = Load(_out.Producer);
        Check(_out, _produced, Load(_out.Consumer));
        uint producer = Load(_in.Producer);
        Check(_in, producer, Load(_in.Consumer));
        _consumed = producer;
        Store(_in.Consumer, producer);
    }

    /// <summary>Takes over the indexes whatever their values, and keeps what is there to be consumed.</summary>
    public void AttachKeeping()
    {
        _produced = Load(_out.Producer);
        _consumed = Load(_in.Consumer);
    }

    /// <summary>The number of bytes that can be written now.</summary>
    public int Space => RingLayout.XENSTORE_RING_SIZE - (int)Check(_out, _produced, Load(_out.Consumer));

    /// <summary>Writes as much as there is room for and returns its length.</summary>
    public int Write(ReadOnlySpan<byte> source, out bool notify)
    {
        notify = false;
        CheckOwn(_out.Producer, _produced, _out.Name, "prod");
        int count = Math.Min(source.Length, Space);
        if (count == 0)
        {
            return 0;
        }

        uint before = _produced;
        int at = (int)(before & (RingLayout.XENSTORE_RING_SIZE - 1));
        int first = Math.Min(count, RingLayout.XENSTORE_RING_SIZE - at);
        source[..first].CopyTo(new Span<byte>(_page + _out.Data + at, first));
        source[first..count].CopyTo(new Span<byte>(_page + _out.Data, count - first));
        _produced = before + (uint)count;
        Store(_out.Producer, _produced);
        Interlocked.MemoryBarrier();
        notify = Load(_out.Consumer) == before;
        return count;
    }

    /// <summary>Reads what is there, as far as it fits, and returns its length.</summary>
    public int Read(Span<byte> destination, out bool notify)
    {
        notify = false;
        CheckOwn(_in.Consumer, _consumed, _in.Name, "cons");
        int count = (int)Math.Min(Check(_in, Load(_in.Producer), _consumed), (uint)destination.Length);
        if (count == 0)
        {
            return 0;
        }

        uint before = _consumed;
        int at = (int)(before & (RingLayout.XENSTORE_RING_SIZE - 1));
        int first = Math.Min(count, RingLayout.XENSTORE_RING_SIZE - at);
        new ReadOnlySpan<byte>(_page + _in.Data + at, first).CopyTo(destination);
        new ReadOnlySpan<byte>(_page + _in.Data, count - first).CopyTo(destination[first..]);
        Interlocked.MemoryBarrier();
        _consumed = before + (uint)count;
        Store(_in.Consumer, _consumed);
        Interlocked.MemoryBarrier();
        notify = Load(_in.Producer) - before >= RingLayout.XENSTORE_RING_SIZE;
        return count;
    }

    /// <summary>Throws if an index is impossible or the other side has changed one of this side's.</summary>
    public void CheckIndexes()
    {
        CheckOwn(_out.Producer, _produced, _out.Name, "prod");
        CheckOwn(_in.Consumer, _consumed, _in.Name, "cons");
        Check(_out, _produced, Load(_out.Consumer));
        Check(_in, Load(_in.Producer), _consumed);
    }

    public uint Load(int offset) => Volatile.Read(ref Unsafe.AsRef<uint>(_page + offset));

    public void Store(int offset, uint value) => Volatile.Write(ref Unsafe.AsRef<uint>(_page + offset), value);

    /// <summary>
    /// The number of bytes between the two indexes. More than the ring holds means that nothing in it can be trusted any more.
    /// </summary>
    private uint Check(in Direction direction, uint producer, uint consumer)
    {
        ThrowIfFaulty();
        uint used = producer - consumer;
        if (used <= RingLayout.XENSTORE_RING_SIZE)
        {
            return used;
        }

        throw Fault(XenStoreError.ProtocolViolation, string.Create(CultureInfo.InvariantCulture,
            $"impossible ring indexes: {direction.Name}_prod is 0x{producer:x}, {direction.Name}_cons 0x{consumer:x}, "
            + $"which is {used} bytes in a ring of {RingLayout.XENSTORE_RING_SIZE}"));
    }

    private void CheckOwn(int offset, uint expected, string name, string which)
    {
        ThrowIfFaulty();
        uint found = Load(offset);
        if (found != expected)
        {
            throw Fault(XenStoreError.ConnectionClosed, string.Create(CultureInfo.InvariantCulture,
                $"the other side set up the ring again (xenstored restarted?): {name}_{which} is 0x{found:x}, and was 0x{expected:x}"));
        }
    }

    private void ThrowIfFaulty()
    {
        if (_fault is not null)
        {
            throw _fault;
        }
    }

    private XenStoreException Fault(XenStoreError error, string message) => _fault = new(error, message);

    /// <summary>The position of one of the two rings in the page.</summary>
    private readonly record struct Direction(int Data, int Producer, int Consumer, string Name);
}
