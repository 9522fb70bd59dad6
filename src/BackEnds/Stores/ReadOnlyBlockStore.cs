namespace Xenlet.BackEnds;

/// <summary>Another store, of which nothing can be written or discarded through this one.</summary>
/// <param name="below">The other store.</param>
public sealed class ReadOnlyBlockStore(IBlockStore below) : IBlockStore
{
    /// <inheritdoc/>
    public event EventHandler? LengthChanged
    {
        add => below.LengthChanged += value;
        remove => below.LengthChanged -= value;
    }

    /// <inheritdoc/>
    public long Length => below.Length;

    /// <inheritdoc/>
    public int SectorSize => below.SectorSize;

    /// <summary>True.</summary>
    public bool IsReadOnly => true;

    /// <summary>False.</summary>
    public bool CanDiscard => false;

    /// <inheritdoc/>
    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        below.ReadAsync(offset, buffer, cancellationToken);

    /// <summary>Refuses.</summary>
    /// <exception cref="UnauthorizedAccessException">Always.</exception>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        throw new UnauthorizedAccessException("The store is read-only.");

    /// <summary>Does nothing: there is nothing to make durable.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => default;

    /// <summary>Refuses.</summary>
    /// <exception cref="UnauthorizedAccessException">Always.</exception>
    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default) =>
        throw new UnauthorizedAccessException("The store is read-only.");
}
