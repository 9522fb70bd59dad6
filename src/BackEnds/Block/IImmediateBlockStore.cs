namespace Xenlet.BackEnds.Block;

/// <summary>
/// A store in memory, which reads and writes at once, waits for nothing and calls nobody. The bytes may be those of a front end's page,
/// which it changes meanwhile, and any range within <see cref="IBlockStore.Length"/>: parts of sectors too.
/// </summary>
internal interface IImmediateBlockStore : IBlockStore
{
    /// <summary>Reads bytes.</summary>
    void Read(long offset, Span<byte> buffer);

    /// <summary>Writes bytes.</summary>
    void Write(long offset, ReadOnlySpan<byte> buffer);
}
