using System.Runtime.InteropServices;

namespace Xenlet.Net;

/// <summary>
/// Memory for one packet on its way through a stack, with room before the data, so that each layer puts its header in front without a
/// copy. It belongs to whoever rented it until it is handed on; the last owner returns it to its <see cref="PacketPool"/>.
/// </summary>
/// <remarks>
/// The data of a TCP segment may still lie with its connection, or where a device has delivered it, and has room in the buffer. Whoever
/// looks at <see cref="Data"/> gets it copied there, and whoever keeps a packet has to settle it first: the connection keeps the data only
/// during the call, a link until it is asked for the next frame.
/// </remarks>
public sealed class PacketBuffer
{
    /// <summary>Room before the data, in bytes: Ethernet 14, IPv6 40 with a fragment header 8, TCP 60, rounded up.</summary>
    public const int Headroom = 128;

    /// <summary>The largest data behind the headroom, in bytes: a packet of 65,535 bytes.</summary>
    public const int LargestPacket = 65_535;

    private readonly byte[] _memory;
    private readonly PacketPool? _pool;
    private int _start;
    private int _end;
    private IPacketPayload? _payload;
    private int _payloadOffset;
    private int _payloadLength;

    internal PacketBuffer(int capacity, PacketPool? pool = null)
    {
        _pool = pool;

        // Never moved, so that the kernel can be given its address at no cost.
        _memory = GC.AllocateArray<byte>(Headroom + capacity, pinned: true);
        Clear();
    }

    /// <summary>How many bytes fit behind the headroom.</summary>
    public int Capacity => _memory.Length - Headroom;

    /// <summary>The memory that the buffer takes, in bytes.</summary>
    internal int Size => _memory.Length;

    /// <summary>The packet's bytes.</summary>
    public Span<byte> Data
    {
        get
        {
            Settle();
            return Head;
        }
    }

    /// <summary>The packet's first bytes, with all of its headers; without a payload that lies elsewhere.</summary>
    public Span<byte> Head => _memory.AsSpan(_start, _end - _start);

    /// <summary>The packet's length in bytes.</summary>
    public int Length => _end - _start + _payloadLength;

    /// <summary>What the link may leave to the device, and what the device has told of a received packet.</summary>
    public PacketOffload Offload { get; set; }

    /// <summary>
    /// Of a received packet whose IP headers have been taken off: how many bytes they have. They still lie before the data, so that an
    /// ICMP error can quote them.
    /// </summary>
    internal int InternetHeaderLength { get; set; }

    /// <summary>Gives the buffer back to the pool that it came from. Its data is gone.</summary>
    public void Return() => _pool?.Return(this);

    /// <summary>Makes the packet empty: no data, all of the headroom.</summary>
    public void Clear()
    {
        _start = _end = Headroom;
        Offload = default;
        InternetHeaderLength = 0;
        _payload = null;
        _payloadLength = 0;
    }

    /// <summary>Copies a payload that lies elsewhere to its place behind the head: the packet stands for itself from now on.</summary>
    public void Settle()
    {
        if (_payload is { } payload)
        {
            int length = _payloadLength;
            _payload = null;
            _payloadLength = 0;
            payload.CopyTo(_payloadOffset, Append(length));
        }
    }

    /// <summary>Settles the packet if that is its payload, whose owner takes it back.</summary>
    public void Settle(IPacketPayload payload)
    {
        if (_payload == payload)
        {
            Settle();
        }
    }

    /// <summary>Copies the packet's bytes from a position on, wherever they are.</summary>
    public void CopyTo(int position, Span<byte> destination)
    {
        ReadOnlySpan<byte> head = Head;
        if (position < head.Length)
        {
            int part = Math.Min(head.Length - position, destination.Length);
            head.Slice(position, part).CopyTo(destination);
            destination = destination[part..];
            position = head.Length;
        }

        if (!destination.IsEmpty)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(position - head.Length + destination.Length, _payloadLength);
            _payload!.CopyTo(_payloadOffset + position - head.Length, destination);
        }
    }

    /// <summary>Copies the whole packet to several places one after the other, which together are as long as it is.</summary>
    /// <param name="destinations">The places. What they are afterwards does not matter.</param>
    public void CopyTo(Span<Memory<byte>> destinations)
    {
        ReadOnlySpan<byte> head = Head;
        while (!head.IsEmpty)
        {
            Memory<byte> destination = destinations[0];
            int part = Math.Min(head.Length, destination.Length);
            head[..part].CopyTo(destination.Span);
            head = head[part..];
            destinations[0] = destination[part..];
            destinations = part < destination.Length ? destinations : destinations[1..];
        }

        _payload?.CopyTo(_payloadOffset, destinations);
    }

    /// <summary>Hands bytes from a position on to a receiver, from where they lie if they are lent.</summary>
    /// <returns>What the receiver answers.</returns>
    public bool Lend(int position, int count, IPieceReceiver receiver)
    {
        if (_payload is not ILentPayload)
        {
            Settle();
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(position + count, Length);
        int before = _end - _start;
        int part = Math.Clamp(before - position, 0, count);
        Memory<byte> first = MemoryMarshal.CreateFromPinnedArray(_memory, part == 0 ? 0 : _start + position, part);
        return _payload is ILentPayload lent && part < count
            ? lent.Lend(first, _payloadOffset + Math.Max(position - before, 0), count - part, receiver)
            : receiver.TryReceive([first]);
    }

    /// <summary>
    /// Adds <paramref name="count"/> bytes behind the data that lie in a payload until the call ends that the packet is handed on with.
    /// There is one such payload, and nothing is added behind it.
    /// </summary>
    public void AppendLater(IPacketPayload payload, int offset, int count)
    {
        Settle();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _memory.Length - _end);
        _payload = payload;
        _payloadOffset = offset;
        _payloadLength = count;
    }

    /// <summary>Adds <paramref name="count"/> bytes behind the data, and returns them to be filled.</summary>
    public Span<byte> Append(int count)
    {
        Settle();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _memory.Length - _end);
        _end += count;
        return _memory.AsSpan(_end - count, count);
    }

    /// <summary>Adds <paramref name="count"/> bytes before the data, and returns them to be filled.</summary>
    public Span<byte> Prepend(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _start);
        _start -= count;
        return _memory.AsSpan(_start, count);
    }

    /// <summary>Takes <paramref name="count"/> bytes off the front, such as a header that has been read.</summary>
    public void RemoveFront(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Length);
        if (count > _end - _start)
        {
            Settle();
        }

        _start += count;
    }

    /// <summary>Keeps the first <paramref name="length"/> bytes: what a frame has behind its packet is padding.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        _payloadLength = Math.Max(length - (_end - _start), 0);
        _payload = _payloadLength > 0 ? _payload : null;
        _end = Math.Min(_end, _start + length);
    }
}
