using Xenlet.Drivers.Net;

namespace Xenlet.Drivers;

/// <summary>
/// A whole Ethernet frame, from the destination address to the last byte of data, in memory that is used again. Whoever has it owns it:
/// <see cref="Dispose"/> gives it back, and sending takes it over.
/// </summary>
/// <remarks>
/// <para>
/// The memory is the program's own: no other domain has it mapped, so what was checked stays as it was.
/// </para>
/// <para>
/// After it was given back it must not be used: an access throws as long as nobody else has got it. What a new owner sees is only what was
/// received or written by itself; the rest is zeros.
/// </para>
/// </remarks>
public sealed class FrameBuffer : IDisposable
{
    private readonly FramePool _pool;
    private readonly byte[] _bytes;
    private int _length;
    private int _isRented;

    internal FrameBuffer(FramePool pool, int capacity)
    {
        _pool = pool;
        _bytes = GC.AllocateUninitializedArray<byte>(capacity);
    }

    /// <summary>Most bytes it can hold.</summary>
    public int Capacity => _bytes.Length;

    /// <summary>Bytes of the frame. Where it grows, what it grows by is zeros.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative or larger than <see cref="Capacity"/>.</exception>
    public int Length
    {
        get => _length;
        set
        {
            ThrowUnlessRented();
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Capacity);
            if (value > _length)
            {
                _bytes.AsSpan(_length, value - _length).Clear();
            }

            _length = value;
        }
    }

    /// <summary>The frame's bytes, <see cref="Length"/> of them.</summary>
    /// <exception cref="ObjectDisposedException">It was given back.</exception>
    public Span<byte> Data
    {
        get
        {
            ThrowUnlessRented();
            return _bytes.AsSpan(0, _length);
        }
    }

    /// <summary>The frame's bytes, <see cref="Length"/> of them.</summary>
    /// <exception cref="ObjectDisposedException">It was given back.</exception>
    public Memory<byte> Memory
    {
        get
        {
            ThrowUnlessRented();
            return _bytes.AsMemory(0, _length);
        }
    }

    /// <summary>
    /// The checksum of TCP or UDP is not done: its field has the sum over the pseudo header only, and whoever puts the frame on a wire has
    /// to complete it. In a received frame it means that the data has not been on a wire, and need not be checked; in a frame to be sent,
    /// that it is left to the back end.
    /// </summary>
    public bool IsChecksumBlank { get; set; }

    /// <summary>The other end has checked the checksum of TCP or UDP already, or knows the data to be right.</summary>
    public bool IsChecksumValidated { get; set; }

    /// <summary>What the frame is to be cut into, or has been put together from.</summary>
    public SegmentKind SegmentKind { get; set; }

    /// <summary>Bytes of TCP data in each segment that the frame stands for; 0 for a frame that stands for itself.</summary>
    public int SegmentSize { get; set; }

    /// <summary>Gives the memory back. Once; a second time does nothing unless somebody else has got it by then.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isRented, 0) != 0)
        {
            _pool.Return(this);
        }
    }

    internal void Begin()
    {
        _length = 0;
        IsChecksumBlank = false;
        IsChecksumValidated = false;
        SegmentKind = SegmentKind.None;
        SegmentSize = 0;
        Volatile.Write(ref _isRented, 1);
    }

    /// <summary>Adds bytes at the end.</summary>
    internal void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }

    private void ThrowUnlessRented() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _isRented) == 0, this);
}

/// <summary>How a frame that stands for several is cut; the values are Xen's <c>XEN_NETIF_GSO_TYPE_*</c>.</summary>
public enum SegmentKind
{
    /// <summary>It stands for itself.</summary>
    None = 0,

    /// <summary>TCP over IPv4.</summary>
    TcpV4 = 1,

    /// <summary>TCP over IPv6.</summary>
    TcpV6 = 2,
}
