using Xenlet.Drivers;

namespace Xenlet.BackEnds;

/// <summary>A disk of this domain as a store. <see cref="PartBlockStore"/> serves a part of it.</summary>
/// <remarks>
/// It can do what the disk can. A disk without a flush answers one with <see cref="NotSupportedException"/>: nothing says then when a write
/// is durable. When the disk is removed, every call throws.
/// </remarks>
/// <param name="disk">The disk, which is connected. It stays the caller's; <see cref="BlockDevice.Use"/> keeps it from being unplugged.
/// </param>
public sealed class DiskBlockStore(BlockDevice disk) : IBlockStore
{
    /// <inheritdoc/>
    public event EventHandler? LengthChanged
    {
        add => disk.LengthChanged += value;
        remove => disk.LengthChanged -= value;
    }

    /// <inheritdoc/>
    public long Length => disk.Length;

    /// <inheritdoc/>
    public int SectorSize => disk.SectorSize;

    /// <inheritdoc/>
    public bool IsReadOnly => disk.IsReadOnly;

    /// <inheritdoc/>
    public bool CanDiscard => disk.CanDiscard;

    /// <inheritdoc/>
    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        disk.ReadAsync(offset, buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        disk.WriteAsync(offset, buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => disk.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default) =>
        disk.DiscardAsync(offset, length, cancellationToken);
}
