using Xenlet.Kernel;

namespace Xenlet.Drivers.Block;

/// <summary>A place for a request in flight.</summary>
internal sealed class BlockSlot(int number)
{
    private ulong _generation;

    /// <summary>The operation it is for; <see langword="null"/> while the slot is free.</summary>
    public BlockOperation? Operation { get; private set; }

    /// <summary>The request's operation.</summary>
    public BlockRequestKind Kind { get; private set; }

    /// <summary>The offset of its part in the operation, in bytes.</summary>
    public long From { get; private set; }

    /// <summary>The length of its part, in bytes.</summary>
    public long Length { get; set; }

    /// <summary>Its number among all requests of the device.</summary>
    public long Sequence { get; private set; }

    /// <summary>The pages of the data, in order, all full except the last.</summary>
    public List<GrantedPage> Pages { get; } = [];

    /// <summary>The page that lists them, in an indirect request.</summary>
    public GrantedPage? List { get; set; }

    /// <summary>
    /// The request's id: the slot's number, and how often it has been used. So a response that comes twice, or late, is not mistaken for
    /// that of another request.
    /// </summary>
    public ulong Id => (_generation << 16) | (uint)number;

    public void Begin(BlockOperation operation, BlockRequestKind kind, long from, long length, long sequence)
    {
        _generation++;
        (Operation, Kind, From, Length, Sequence) = (operation, kind, from, length, sequence);
    }

    public void End() => Operation = null;

    /// <summary>Copies the data of a read into the operation's buffer.</summary>
    public void CopyTo(Memory<byte> destination)
    {
        Span<byte> rest = destination.Span.Slice((int)From, (int)Length);
        foreach (GrantedPage page in Pages)
        {
            int count = Math.Min(rest.Length, ISharedPage.Size);
            page.Span[..count].CopyTo(rest);
            rest = rest[count..];
        }
    }
}
