namespace Xenlet.HostilePeer;

/// <summary>A mapped page of a guest. The guest cannot use it for anything else before it is unmapped.</summary>
internal sealed unsafe class MappedPage : IDisposable
{
    /// <summary>Bytes of a page.</summary>
    public const int Size = 4096;

    private readonly Action _unmap;
    private bool _isDisposed;

    public MappedPage(byte* address, Action unmap)
    {
        Address = address;
        _unmap = unmap;
    }

    public byte* Address { get; }

    public Span<byte> Bytes => new(Address, Size);

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _unmap();
        }
    }
}
