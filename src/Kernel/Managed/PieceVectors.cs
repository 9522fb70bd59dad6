using System.Buffers;
using Xenlet.Kernel.Nucleus.Linux.Abi;

namespace Xenlet.Kernel;

/// <summary>Several places of memory as the nucleus takes them. Used by one thread.</summary>
internal sealed unsafe class PieceVectors
{
    /// <summary>The most places of one call: a frame of 64 KiB has 17 pages, and what lies before them.</summary>
    public const int Most = 32;

    private readonly MemoryHandle[] _pins = new MemoryHandle[Most];
    private int _count;

    /// <summary>Keeps a place where it is until <see cref="UnpinAll"/>, and describes it.</summary>
    /// <param name="piece">The place, one of at most <see cref="Most"/>.</param>
    public iovec Pin(ReadOnlyMemory<byte> piece)
    {
        MemoryHandle pin = piece.Pin();
        _pins[_count++] = pin;
        return new iovec { iov_base = (ulong)pin.Pointer, iov_len = (ulong)piece.Length };
    }

    /// <summary>All places may move again.</summary>
    public void UnpinAll()
    {
        for (; _count > 0; _count--)
        {
            _pins[_count - 1].Dispose();
        }
    }
}
