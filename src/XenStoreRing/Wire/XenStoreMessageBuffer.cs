using System.Globalization;

namespace Xenlet.XenStoreRing;

/// <summary>
/// Collects a stream's bytes and gives back whole messages, wherever the stream was cut. Of fixed size: no peer can make it grow.
/// Used by one task at a time.
/// </summary>
public sealed class XenStoreMessageBuffer
{
    // Twice the largest payload: behind an incomplete message there is always room for more of it.
    private readonly byte[] _buffer = new byte[2 * XenStoreLimits.MaxPayload];
    private int _start;
    private int _end;

    /// <summary>Bytes collected that are not yet taken.</summary>
    public int Count => _end - _start;

    /// <summary>
    /// Where the stream's next bytes go; never empty once every whole message has been taken. Invalidates the body of the message taken
    /// last.
    /// </summary>
    public Memory<byte> GetFree()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, Count).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        return _buffer.AsMemory(_end);
    }

    /// <summary>Says that <paramref name="count"/> bytes were put at the beginning of <see cref="GetFree"/>'s memory.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _end);
        _end += count;
    }

    /// <summary>Takes the next whole message, if there is one. The body is valid until the next <see cref="GetFree"/>.</summary>
    /// <exception cref="XenStoreException">
    /// The header announces more than <see cref="XenStoreLimits.MaxPayload"/> bytes: where the next message begins cannot be known.
    /// </exception>
    public bool TryTake(out XenStoreHeader header, out ReadOnlySpan<byte> body)
    {
        header = default;
        body = default;
        if (Count < XenStoreHeader.Size)
        {
            return false;
        }

        header = XenStoreHeader.Read(_buffer.AsSpan(_start));
        if (header.Length > XenStoreLimits.MaxPayload)
        {
            throw new XenStoreException(XenStoreError.ProtocolViolation, string.Create(CultureInfo.InvariantCulture,
                $"the other side announced a message of {header.Length} bytes ({header.Type.ToWireName()}, request {header.RequestId}); "
                + $"the protocol allows {XenStoreLimits.MaxPayload}"));
        }

        int size = XenStoreHeader.Size + (int)header.Length;
        if (Count < size)
        {
            return false;
        }

        body = _buffer.AsSpan(_start + XenStoreHeader.Size, (int)header.Length);
        _start += size;
        return true;
    }
}
