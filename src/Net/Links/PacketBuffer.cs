namespace Xenlet.Net;

/// <summary>
/// Memory for one packet on its way through a stack, with room before the data, so that each layer puts its header in front without a
/// copy. It belongs to whoever rented it until it is handed on; the last owner returns it to its <see cref="PacketPool"/>.
/// </summary>
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

    internal PacketBuffer(int capacity, PacketPool? pool = null)
    {
        _pool = pool;
        _memory = new byte[Headroom + capacity];
        Clear();
    }

    /// <summary>How many bytes fit behind the headroom.</summary>
    public int Capacity => _memory.Length - Headroom;

    /// <summary>The packet's bytes.</summary>
    public Span<byte> Data => _memory.AsSpan(_start, _end - _start);

    /// <summary>The packet's length in bytes.</summary>
    public int Length => _end - _start;

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
    }

    /// <summary>Adds <paramref name="count"/> bytes behind the data, and returns them to be filled.</summary>
    public Span<byte> Append(int count)
    {
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
        _start += count;
    }

    /// <summary>Keeps the first <paramref name="length"/> bytes: what a frame has behind its packet is padding.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        _end = _start + length;
    }
}
