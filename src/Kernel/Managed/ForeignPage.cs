using System.Buffers;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel;

/// <summary>A page of another domain that <see cref="XenForeignPages"/> has mapped.</summary>
internal sealed unsafe class ForeignPage : MemoryManager<byte>, IForeignPage
{
    private readonly XenForeignPages _pages;
    private readonly byte* _address;
    private int _isEnded;

    public ForeignPage(XenForeignPages pages, in ForeignPageRecord record)
    {
        _pages = pages;
        _address = (byte*)record.Address;
        Handle = (long)record.Slot;
        Domain = record.Domain;
        Reference = record.Reference;
        IsReadOnly = record.IsReadOnly != 0;
    }

    public ushort Domain { get; }

    public uint Reference { get; }

    public bool IsReadOnly { get; }

    /// <summary>
    /// The nucleus's handle of the mapping. All handles of one generation of the domain are greater than those of earlier ones.
    /// </summary>
    public long Handle { get; }

    public Span<byte> Span
    {
        get
        {
            ThrowIfEnded();
            return new Span<byte>(_address, ISharedPage.Size);
        }
    }

    public override Memory<byte> Memory
    {
        get
        {
            ThrowIfEnded();
            return CreateMemory(ISharedPage.Size);
        }
    }

    public void Dispose() => _pages.Unmap([this]);

    /// <summary>Marks the page as ended. Returns false if it was before, or if a resume has ended it.</summary>
    public bool TryEnd() => Interlocked.Exchange(ref _isEnded, 1) == 0 && Handle >= _pages.FirstHandle;

    public override Span<byte> GetSpan() => Span;

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)ISharedPage.Size);
        ThrowIfEnded();
        return new MemoryHandle(_address + elementIndex);
    }

    public override void Unpin()
    {
    }

    /// <summary>The page's owner disposes it; its memory does not.</summary>
    protected override void Dispose(bool disposing)
    {
    }

    private void ThrowIfEnded() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _isEnded) != 0 || Handle < _pages.FirstHandle, this);
}
