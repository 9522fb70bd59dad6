using System.Globalization;

namespace Xenlet.XenStoreRing;

/// <summary>
/// Collects a stream's bytes and returns whole messages, wherever the stream was cut. Its size is fixed: no peer can make it grow. Used by
/// one task at a time.
/// </summary>
public sealed class XenStoreMessageBuffer
{
    // Twice the largest payload: after an incomplete message there is always room for more of it.
    private readonly byte[] _buffer = new byte[2 * XenStoreLimits.MaxPayload];
    private int _start;
    private int _end;

    /// <summary>The number of bytes collected and not yet taken.</summary>
    public int Count => _end - _start;

    /// <summary>
    /// Where to put the stream's next bytes. Never empty once every whole message has been taken. Invalidates the body of the last message
    /// taken.
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

    /// <summary>
    /// Records that <paramref name="count"/> bytes were put at the start of <see cref="GetFree"/>'s memory.
    /// </summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _end);
        _end += count;
    }

    /// <summary>Takes the next whole message, if there is one. The body is valid until the next <see cref="GetFree"/>.</summary>
    /// <exception cref="XenStoreException">
    /// The header announces more than <see cref="XenStoreLimits.MaxPayload"/> bytes, so the start of the next message cannot be known.
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
