using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>
/// What of a received frame still lies in pages of the ring, which the back end may change: it is copied once, to where it is needed. The
/// stack's thread uses it; the end of the connection, when the pages go, may come from another.
/// </summary>
internal sealed class LentPages : ILentPayload
{
    private readonly Lock _lock = new();
    private readonly ReadOnlyMemory<byte>[] _pieces = new ReadOnlyMemory<byte>[NetProtocol.MaximumReceiveSlots];
    private readonly ReadOnlyMemory<byte>[] _lent = new ReadOnlyMemory<byte>[NetProtocol.MaximumReceiveSlots + 1];
    private int _count;

    /// <summary>Bytes of all pieces; 0 when no page is lent.</summary>
    public int Length { get; private set; }

    /// <summary>Adds bytes of a page behind the others.</summary>
    public void Add(ReadOnlyMemory<byte> piece)
    {
        _pieces[_count++] = piece;
        Length += piece.Length;
    }

    /// <summary>The pages are the ring's again.</summary>
    public void Clear()
    {
        Array.Clear(_pieces, 0, _count);
        _count = 0;
        Length = 0;
    }

    /// <summary>The pages are about to be freed: copies the bytes to memory of their own.</summary>
    public void Keep()
    {
        lock (_lock)
        {
            if (Length > 0)
            {
                byte[] kept = new byte[Length];
                Copy(0, kept);
                Array.Clear(_pieces, 0, _count);
                _pieces[0] = kept;
                _count = 1;
            }
        }
    }

    public void CopyTo(int offset, Span<byte> destination)
    {
        lock (_lock)
        {
            Copy(offset, destination);
        }
    }

    public bool Lend(ReadOnlyMemory<byte> first, int offset, int count, IPieceReceiver receiver)
    {
        lock (_lock)
        {
            int pieces = 0;
            if (!first.IsEmpty)
            {
                _lent[pieces++] = first;
            }

            for (int i = 0; count > 0; i++)
            {
                ReadOnlyMemory<byte> piece = _pieces[i];
                if (offset >= piece.Length)
                {
                    offset -= piece.Length;
                    continue;
                }

                int part = Math.Min(piece.Length - offset, count);
                _lent[pieces++] = piece.Slice(offset, part);
                offset = 0;
                count -= part;
            }

            return receiver.TryReceive(_lent.AsSpan(0, pieces));
        }
    }

    private void Copy(int offset, Span<byte> destination)
    {
        for (int i = 0; !destination.IsEmpty; i++)
        {
            ReadOnlySpan<byte> piece = _pieces[i].Span;
            if (offset >= piece.Length)
            {
                offset -= piece.Length;
                continue;
            }

            int part = Math.Min(piece.Length - offset, destination.Length);
            piece.Slice(offset, part).CopyTo(destination);
            destination = destination[part..];
            offset = 0;
        }
    }
}
