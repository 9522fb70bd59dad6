using Xenlet.Drivers.Net;

namespace Xenlet.Drivers;

/// <summary>
/// A whole Ethernet frame, from the destination address to the last byte of data, in pooled memory. Its holder owns it:
/// <see cref="Dispose"/> returns it to the pool, and sending takes it over.
/// </summary>
/// <remarks>
/// <para>
/// The memory belongs to the program alone: no other domain has it mapped, so data does not change after a check.
/// </para>
/// <para>
/// It must not be used after it was returned: an access throws until the pool has given it to a new owner. A new owner sees only data that
/// it received or wrote; the rest is zeros.
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

    /// <summary>The largest length, in bytes.</summary>
    public int Capacity => _bytes.Length;

    /// <summary>The length of the frame, in bytes. Bytes that are added by setting it are zeros.</summary>
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
    /// The checksum of TCP or UDP is not complete: its field has the sum over the pseudo header only, and it must be completed before the
    /// frame is put on a wire. In a received frame it means that the data has not been on a wire, and need not be checked; in a frame to
    /// be sent, that the back end completes it.
    /// </summary>
    public bool IsChecksumBlank { get; set; }

    /// <summary>The other end has checked the checksum of TCP or UDP, or knows that the data is correct.</summary>
    public bool IsChecksumValidated { get; set; }

    /// <summary>The kind of segments into which the frame has to be cut, or from which it was put together.</summary>
    public SegmentKind SegmentKind { get; set; }

    /// <summary>Bytes of TCP data in each segment that the frame stands for; 0 for an ordinary frame.</summary>
    public int SegmentSize { get; set; }

    /// <summary>Who has sent it, for whoever is fair to several senders; <see langword="null"/> where nobody asks.</summary>
    internal object? Origin { get; set; }

    /// <summary>Returns the memory to the pool. Call it once: a second call would take it from a new owner, if there is one.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isRented, 0) != 0)
        {
            _pool.Return(this);
        }
    }

    /// <summary>A frame of its own with the same content, from the same pool.</summary>
    internal FrameBuffer Copy()
    {
        FrameBuffer copy = _pool.Rent(Length);
        copy.Append(Data);
        copy.IsChecksumBlank = IsChecksumBlank;
        copy.IsChecksumValidated = IsChecksumValidated;
        copy.SegmentKind = SegmentKind;
        copy.SegmentSize = SegmentSize;
        copy.Origin = Origin;
        return copy;
    }

    internal void Begin()
    {
        _length = 0;
        IsChecksumBlank = false;
        IsChecksumValidated = false;
        SegmentKind = SegmentKind.None;
        SegmentSize = 0;
        Origin = null;
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

/// <summary>How a frame that stands for several segments is cut; the values are Xen's <c>XEN_NETIF_GSO_TYPE_*</c>.</summary>
public enum SegmentKind
{
    /// <summary>It is an ordinary frame.</summary>
    None = 0,

    /// <summary>TCP over IPv4.</summary>
    TcpV4 = 1,

    /// <summary>TCP over IPv6.</summary>
    TcpV6 = 2,
}
