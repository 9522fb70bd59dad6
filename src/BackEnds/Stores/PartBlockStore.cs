using System.Globalization;
using Xenlet.BackEnds.Stores;

namespace Xenlet.BackEnds;

/// <summary>A part of another store. No call reaches anything outside the part.</summary>
public sealed class PartBlockStore : IBlockStore
{
    private readonly IBlockStore _whole;
    private readonly long _start;

    /// <summary>Creates the store.</summary>
    /// <param name="whole">The other store. Parts of it that overlap share what they have in common.</param>
    /// <param name="offset">Where the part begins, in bytes.</param>
    /// <param name="length">The size of the part in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part is empty or not within the other store.</exception>
    /// <exception cref="ArgumentException">The part is not whole sectors.</exception>
    public PartBlockStore(IBlockStore whole, long offset, long length)
    {
        ArgumentNullException.ThrowIfNull(whole);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        StoreRange.Check(whole, offset, length);
        (_whole, _start, Length) = (whole, offset, length);
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public int SectorSize => _whole.SectorSize;

    /// <inheritdoc/>
    public bool IsReadOnly => _whole.IsReadOnly;

    /// <inheritdoc/>
    public bool CanDiscard => _whole.CanDiscard;

    /// <inheritdoc/>
    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _whole.ReadAsync(Place(offset, buffer.Length), buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _whole.WriteAsync(Place(offset, buffer.Length), buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _whole.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default) =>
        _whole.DiscardAsync(Place(offset, length), length, cancellationToken);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Length} bytes at {_start} of {_whole}");

    private long Place(long offset, long length)
    {
        StoreRange.Check(this, offset, length);
        return _start + offset;
    }
}
