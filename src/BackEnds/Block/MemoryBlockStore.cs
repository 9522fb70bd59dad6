using Xenlet.BackEnds.Block;

namespace Xenlet.BackEnds;

/// <summary>
/// A store in this domain's memory, lost with the domain. It takes memory in pieces of 64 KiB when they are first written, and gives pieces
/// back that are discarded whole.
/// </summary>
public sealed class MemoryBlockStore : IImmediateBlockStore
{
    private const int PieceSize = 64 << 10;

    private readonly Lock _lock = new();
    private byte[]?[] _pieces;
    private long _length;

    /// <summary>Creates a store of zeros.</summary>
    /// <param name="length">The size in bytes, whole sectors.</param>
    /// <param name="sectorSize">A power of two from 512 to 4096.</param>
    /// <param name="isReadOnly">Whether front ends cannot write. Who has the store can.</param>
    /// <exception cref="ArgumentOutOfRangeException">The sector size is none, or the size is not one or more whole sectors.</exception>
    public MemoryBlockStore(long length, int sectorSize = 512, bool isReadOnly = false)
    {
        if (sectorSize is < 512 or > 4096 || !int.IsPow2(sectorSize))
        {
            throw new ArgumentOutOfRangeException(nameof(sectorSize), sectorSize, "It is no power of two from 512 to 4096.");
        }

        SectorSize = sectorSize;
        IsReadOnly = isReadOnly;
        _pieces = new byte[]?[CountPieces(length)];
        _length = length;
    }

    /// <inheritdoc/>
    public event EventHandler? LengthChanged;

    /// <inheritdoc/>
    public long Length => Volatile.Read(ref _length);

    /// <inheritdoc/>
    public int SectorSize { get; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; }

    /// <inheritdoc/>
    public bool CanDiscard => true;

    /// <summary>Gives the store another size. What is cut off is lost; what is added is zeros.</summary>
    /// <param name="length">The size in bytes, whole sectors.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not one or more whole sectors.</exception>
    public void Resize(long length)
    {
        int count = CountPieces(length);
        lock (_lock)
        {
            Array.Resize(ref _pieces, count);
            if (length < _length)
            {
                (long piece, int start, int rest) = PartOf(length, PieceSize);
                if (start > 0)
                {
                    _pieces[piece]?.AsSpan(start, rest).Clear();
                }
            }

            Volatile.Write(ref _length, length);
        }

        LengthChanged?.Invoke(this, EventArgs.Empty);
    }

    /// <inheritdoc/>
    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Read(offset, buffer.Span);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(offset, buffer.Span);
        return default;
    }

    /// <summary>Reads bytes at once. What is never written reads as zeros.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not in the store.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        lock (_lock)
        {
            Check(offset, buffer.Length);
            while (!buffer.IsEmpty)
            {
                (long piece, int start, int count) = PartOf(offset, buffer.Length);
                if (_pieces[piece] is { } bytes)
                {
                    bytes.AsSpan(start, count).CopyTo(buffer);
                }
                else
                {
                    buffer[..count].Clear();
                }

                buffer = buffer[count..];
                offset += count;
            }
        }
    }

    /// <summary>Writes bytes at once.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not in the store.</exception>
    public void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        lock (_lock)
        {
            Check(offset, buffer.Length);
            while (!buffer.IsEmpty)
            {
                (long piece, int start, int count) = PartOf(offset, buffer.Length);
                buffer[..count].CopyTo((_pieces[piece] ??= new byte[PieceSize]).AsSpan(start));
                buffer = buffer[count..];
                offset += count;
            }
        }
    }

    /// <summary>Does nothing: what is written cannot become more durable.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => default;

    /// <summary>Makes the sectors zeros.</summary>
    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            Check(offset, length);
            while (length > 0)
            {
                (long piece, int start, int count) = PartOf(offset, length);
                if (count == PieceSize)
                {
                    _pieces[piece] = null;
                }
                else
                {
                    _pieces[piece]?.AsSpan(start, count).Clear();
                }

                length -= count;
                offset += count;
            }
        }

        return default;
    }

    private static (long Piece, int Start, int Count) PartOf(long offset, long length)
    {
        int start = (int)(offset % PieceSize);
        return (offset / PieceSize, start, (int)Math.Min(length, PieceSize - start));
    }

    private int CountPieces(long length) => length > 0 && length % SectorSize == 0
        ? checked((int)((length + PieceSize - 1) / PieceSize))
        : throw new ArgumentOutOfRangeException(nameof(length), length, $"It is not a number of sectors of {SectorSize} bytes.");

    private void Check(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > _length - length)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"{length} bytes there are not in a store of {_length}.");
        }
    }
}
