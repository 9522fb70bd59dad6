using System.Buffers;

namespace Xenlet.Kernel;

/// <summary>A shared page as <see cref="Memory{T}"/>.</summary>
internal sealed unsafe class PageMemory(SharedPage page) : MemoryManager<byte>
{
    /// <summary>The page's first byte.</summary>
    /// <exception cref="ObjectDisposedException">The page was disposed of.</exception>
    public byte* Pointer
    {
        get
        {
            _ = page.Span;
            return page.Pointer;
        }
    }

    public override Span<byte> GetSpan() => page.Span;

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)ISharedPage.Size);
        return new MemoryHandle(Pointer + elementIndex);
    }

    public override void Unpin()
    {
    }

    /// <summary>The page's owner disposes it; its memory does not.</summary>
    protected override void Dispose(bool disposing)
    {
    }
}
