using Xenlet.Kernel;

namespace Xenlet.Drivers.Block;

/// <summary>A request in flight, or room for one.</summary>
internal sealed class BlockSlot(int number)
{
    private ulong _generation;

    /// <summary>The operation it is for; <see langword="null"/> while the slot is free.</summary>
    public BlockOperation? Operation { get; private set; }

    /// <summary>What the back end was asked to do.</summary>
    public BlockRequestKind Kind { get; private set; }

    /// <summary>Where its part of the operation begins, counted from the operation's beginning.</summary>
    public long From { get; private set; }

    /// <summary>The bytes of its part.</summary>
    public long Length { get; set; }

    /// <summary>Its place among all requests of the device.</summary>
    public long Sequence { get; private set; }

    /// <summary>Pages that hold the data, in order, each full but the last.</summary>
    public List<GrantedPage> Pages { get; } = [];

    /// <summary>The page that lists them, of an indirect request.</summary>
    public GrantedPage? List { get; set; }

    /// <summary>
    /// The request's id: the slot's number, and how often it has been used. So an answer that comes twice, or late, is not taken for
    /// another request's.
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
