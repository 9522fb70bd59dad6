using System.Globalization;
using Xenlet.BackEnds.Stores;
using Xenlet.Kernel;

namespace Xenlet.BackEnds;

/// <summary>
/// A store that is never written, with what is written since kept in another one: many domains begin with one image, each with changes
/// of its own.
/// </summary>
/// <remarks>
/// <para>Changes take pieces of 64 KiB of the store of changes, as many as it has: one more is an <see cref="IOException"/>, and changes
/// nothing. Which sectors are changed is in this domain's memory, some 100 bytes a piece, and is lost with it.</para>
/// <para>What is discarded reads as the original does, and its room is free again when all of a piece is discarded.</para>
/// </remarks>
public sealed class CopyOnWriteBlockStore : IBlockStore
{
    private readonly IBlockStore _original;
    private readonly IBlockStore _changes;
    private readonly ChangedPieces _pieces;

    /// <summary>Creates a store that reads as the original does.</summary>
    /// <param name="original">What is never written. Other stores may have it as their original too.</param>
    /// <param name="changes">Holds the changes and is used for nothing else; what is in it does not matter. 64 KiB at least.</param>
    /// <exception cref="ArgumentException">
    /// The changes have no room or are read-only, or the original is not whole sectors of theirs.
    /// </exception>
    public CopyOnWriteBlockStore(IBlockStore original, IBlockStore changes)
    {
        ArgumentNullException.ThrowIfNull(original);
        ArgumentNullException.ThrowIfNull(changes);
        SectorSize = Math.Max(original.SectorSize, changes.SectorSize);
        if (changes.Length < ChangedPieces.Size || changes.IsReadOnly)
        {
            throw new ArgumentException(
                $"Changes need {ChangedPieces.Size >> 10} KiB that can be written.", nameof(changes));
        }

        if (original.Length % SectorSize != 0)
        {
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"{original.Length} bytes are not whole sectors of {SectorSize}."),
                nameof(original));
        }

        (_original, _changes) = (original, changes);
        _pieces = new ChangedPieces(changes.Length / ChangedPieces.Size);
    }

    /// <inheritdoc/>
    public event EventHandler? LengthChanged
    {
        add => _original.LengthChanged += value;
        remove => _original.LengthChanged -= value;
    }

    /// <inheritdoc/>
    public long Length => _original.Length & -SectorSize;

    /// <inheritdoc/>
    public int SectorSize { get; }

    /// <summary>False.</summary>
    public bool IsReadOnly => false;

    /// <summary>True.</summary>
    public bool CanDiscard => true;

    /// <summary>The room that changes take in the store of changes, in bytes.</summary>
    public long ChangedLength => (long)_pieces.Count * ChangedPieces.Size;

    /// <inheritdoc/>
    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        StoreRange.Check(this, offset, buffer.Length);
        ChangedUse use = _pieces.BeginRead(offset, buffer.Length);
        try
        {
            foreach (ChangedRun run in use.Runs)
            {
                await (run.IsChanged ? _changes : _original)
                    .ReadAsync(run.Place, buffer.Slice(run.Start, run.Length), cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        finally
        {
            await LeaveAsync(_pieces.End(use)).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        StoreRange.Check(this, offset, buffer.Length);
        ChangedUse use = _pieces.BeginWrite(offset, buffer.Length);
        try
        {
            foreach (ChangedRun run in use.Runs)
            {
                await _changes.WriteAsync(run.Place, buffer.Slice(run.Start, run.Length), cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
            }

            _pieces.Mark(offset, buffer.Length);
        }
        finally
        {
            await LeaveAsync(_pieces.End(use)).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Flushes the changes, which are durable no longer than this domain knows where they are.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _changes.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default)
    {
        StoreRange.Check(this, offset, length);
        return LeaveAsync(_pieces.Forget(offset, length));
    }

    /// <summary>Gives back what slots take below. They are used again afterwards, lest the discard come behind the next write.</summary>
    private async ValueTask LeaveAsync(List<long> slots)
    {
        try
        {
            foreach (long slot in _changes.CanDiscard ? slots : [])
            {
                await _changes.DiscardAsync(slot * ChangedPieces.Size, ChangedPieces.Size).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        catch (Exception error) when (error is IOException or NotSupportedException)
        {
            // The content of a slot that is nobody's does not matter.
        }
        finally
        {
            _pieces.Free(slots);
        }
    }
}
