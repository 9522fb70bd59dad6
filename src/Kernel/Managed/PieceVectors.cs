using System.Buffers;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Linux.Abi;

namespace Xenlet.Kernel;

/// <summary>Several places of memory as the nucleus takes them. Used by one thread.</summary>
internal sealed unsafe class PieceVectors
{
    /// <summary>The most places of one call: a frame of 64 KiB has 17 pages, and what lies before them.</summary>
    public const int Most = 32;

    private readonly MemoryHandle[] _pins = new MemoryHandle[Most];
    private int _count;

    /// <summary>Keeps places where they are until <see cref="UnpinAll"/>, and describes them.</summary>
    /// <param name="pieces">The places, at most <see cref="Most"/>.</param>
    /// <param name="vectors">Room for as many.</param>
    /// <returns>How many descriptions there are: places side by side have one, since each costs the nucleus a look at its pages.</returns>
    public int Pin(ReadOnlySpan<Memory<byte>> pieces, iovec* vectors)
    {
        int count = 0;
        foreach (Memory<byte> piece in pieces)
        {
            count = Pin(piece, vectors, count);
        }

        return count;
    }

    /// <inheritdoc cref="Pin(ReadOnlySpan{Memory{byte}}, iovec*)"/>
    public int Pin(ReadOnlySpan<ReadOnlyMemory<byte>> pieces, iovec* vectors)
    {
        int count = 0;
        foreach (ReadOnlyMemory<byte> piece in pieces)
        {
            count = Pin(piece, vectors, count);
        }

        return count;
    }

    /// <summary>All places may move again.</summary>
    public void UnpinAll()
    {
        for (; _count > 0; _count--)
        {
            _pins[_count - 1].Dispose();
        }
    }

    private int Pin(ReadOnlyMemory<byte> piece, iovec* vectors, int count)
    {
        ulong address = AddressOf(piece);
        if (count > 0 && vectors[count - 1].iov_base + vectors[count - 1].iov_len == address)
        {
            vectors[count - 1].iov_len += (ulong)piece.Length;
            return count;
        }

        vectors[count] = new iovec { iov_base = address, iov_len = (ulong)piece.Length };
        return count + 1;
    }

    /// <summary>Where a place is, and stays: a page in any case, and others as long as they are pinned.</summary>
    private ulong AddressOf(ReadOnlyMemory<byte> piece)
    {
        if (MemoryMarshal.TryGetMemoryManager(piece, out PageMemory? page, out int start, out _))
        {
            return (ulong)page.Pointer + (ulong)start;
        }

        MemoryHandle pin = piece.Pin();
        _pins[_count++] = pin;
        return (ulong)pin.Pointer;
    }
}
