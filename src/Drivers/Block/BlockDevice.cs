using System.Globalization;
using Xenlet.Drivers.Block;

namespace Xenlet.Drivers;

/// <summary>
/// A virtual disk. Any number of operations may be in flight at once, from any threads. As with every disk, their order is not defined: a
/// caller that needs an order awaits each operation before the next.
/// </summary>
/// <remarks>
/// <para>
/// Offsets and lengths are in bytes, and multiples of <see cref="SectorSize"/>. A buffer belongs to the operation until it has completed. A
/// cancelled operation completes at once, and its buffer is no longer touched; how much a cancelled write has written is not known.
/// </para>
/// <para>
/// During a suspend operations wait; those in flight are sent again when the disk is connected again. When the disk is removed, all of them
/// fail with <see cref="BlockDeviceGoneException"/>.
/// </para>
/// </remarks>
public sealed partial class BlockDevice : IBlockSink
{
    internal BlockDevice(string name) => Name = name;

    /// <summary>Raised on a thread of the pool when <see cref="Length"/> has changed.</summary>
    public event EventHandler? LengthChanged;

    /// <summary>The disk's name in the domain's configuration, such as <c>xvda</c>.</summary>
    public string Name { get; }

    /// <summary>The length of the disk, in bytes. The host may change it at any time.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>The length of a sector, in bytes: a power of two from 512 to 4096.</summary>
    public int SectorSize => Features.SectorSize;

    /// <summary>The length of a sector of the storage behind the disk, in bytes: writes of its multiples cost the least.</summary>
    public int PhysicalSectorSize => Features.PhysicalSectorSize;

    /// <summary>Whether writes are refused.</summary>
    public bool IsReadOnly => (Features.Info & BlockProtocol.InfoReadOnly) != 0;

    /// <summary>Whether the medium is removable.</summary>
    public bool IsRemovable => (Features.Info & (BlockProtocol.InfoRemovable | BlockProtocol.InfoCdRom)) != 0;

    /// <summary>Whether the back end has a flush. Without one, nothing says when a completed write is durable.</summary>
    public bool CanFlush => _flush is not null;

    /// <summary>Whether the back end can discard data.</summary>
    public bool CanDiscard => _canDiscard;

    /// <summary>The unit in which a discard frees storage, in bytes; at least a sector.</summary>
    public long DiscardGranularity => Features.DiscardGranularity;

    /// <summary>Whether the disk exists; it may be waiting for its back end after a suspend. Once false it stays false.</summary>
    public bool IsPresent => _state != BlockState.Gone;

    /// <summary>Counts of completed and of waiting work.</summary>
    public BlockStatistics Statistics
    {
        get
        {
            lock (_lock)
            {
                return _counters.Read() with { RequestsUnderWay = _connection?.UnderWay ?? 0, Waiting = _waiting.Count + _late.Count };
            }
        }
    }

    /// <summary>Held while a part of a sector is written, from the read of the sector to its write.</summary>
    internal SemaphoreSlim PartWrites { get; } = new(1);

    private BlockFeatures Features => _features ?? throw new InvalidOperationException($"{Name} is not connected yet");

    /// <summary>Fills a buffer with data of the disk.</summary>
    /// <param name="offset">Where on the disk, in bytes.</param>
    /// <param name="buffer">The buffer; its length is the number of bytes to read.</param>
    /// <param name="cancellationToken">Ends the operation for the caller.</param>
    /// <exception cref="ArgumentOutOfRangeException">It reaches beyond the end.</exception>
    /// <exception cref="ArgumentException">Offset or length is no multiple of <see cref="SectorSize"/>.</exception>
    /// <exception cref="BlockIOException">The back end could not read. What is in the buffer is not defined.</exception>
    /// <exception cref="BlockDeviceGoneException">The disk has gone.</exception>
    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        CheckRange(offset, buffer.Length);
        return buffer.IsEmpty ? default : Submit(BlockRequestKind.Read, offset, buffer.Length, buffer, default, cancellationToken);
    }

    /// <summary>Writes a buffer to the disk. The data is durable when a <see cref="FlushAsync"/> that began later has completed.</summary>
    /// <param name="offset">Where on the disk, in bytes.</param>
    /// <param name="buffer">The data, which must not change before the write has completed.</param>
    /// <param name="cancellationToken">Ends the operation for the caller.</param>
    /// <exception cref="UnauthorizedAccessException">The disk is read-only.</exception>
    /// <exception cref="ArgumentOutOfRangeException">It reaches beyond the end.</exception>
    /// <exception cref="ArgumentException">Offset or length is no multiple of <see cref="SectorSize"/>.</exception>
    /// <exception cref="BlockIOException">The back end could not write. What is on the disk there is not known.</exception>
    /// <exception cref="BlockDeviceGoneException">The disk has gone.</exception>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        CheckWritable();
        CheckRange(offset, buffer.Length);
        return buffer.IsEmpty ? default : Submit(BlockRequestKind.Write, offset, buffer.Length, default, buffer, cancellationToken);
    }

    /// <summary>Makes all completed writes durable.</summary>
    /// <exception cref="NotSupportedException">The back end has no flush: <see cref="CanFlush"/>.</exception>
    /// <exception cref="BlockIOException">The back end could not do it.</exception>
    /// <exception cref="BlockDeviceGoneException">The disk has gone.</exception>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _flush is { } kind
        ? Submit(kind, 0, 0, default, default, cancellationToken)
        : throw NotSupported("flush");

    /// <summary>Tells the host that a range is no longer needed. What a later read of it returns is not defined.</summary>
    /// <exception cref="NotSupportedException">The back end cannot: <see cref="CanDiscard"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">The disk is read-only.</exception>
    /// <exception cref="ArgumentOutOfRangeException">It reaches beyond the end.</exception>
    /// <exception cref="ArgumentException">Offset or length is no multiple of <see cref="SectorSize"/>.</exception>
    /// <exception cref="BlockIOException">The back end could not do it.</exception>
    /// <exception cref="BlockDeviceGoneException">The disk has gone.</exception>
    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default)
    {
        CheckWritable();
        if (!_canDiscard)
        {
            throw NotSupported("discard");
        }

        CheckRange(offset, length);
        return length == 0 ? default : Submit(BlockRequestKind.Discard, offset, length, default, default, cancellationToken);
    }

    /// <summary>
    /// Keeps the disk from being unplugged until the result is disposed of: an administrator who tries finds in the device's error node
    /// that the disk is in use. It cannot keep the host from removing the disk by force.
    /// </summary>
    /// <exception cref="BlockDeviceGoneException">The disk has gone, or is being unplugged.</exception>
    public IDisposable Use()
    {
        lock (_lock)
        {
            CheckPresent();
            _users++;
            return new Usage(this);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => _features is null ? Name : string.Create(
        CultureInfo.InvariantCulture, $"{Name}: {Length} bytes in sectors of "
            + $"{SectorSize}{(IsReadOnly ? ", read-only" : "")}{(IsPresent ? "" : ", gone")}");

    private void CheckRange(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (offset > Length || length > Length - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, string.Create(
                CultureInfo.InvariantCulture, $"{length} bytes from there reach beyond the end of {Name}, which has {Length} bytes."));
        }

        if (((offset | length) & (SectorSize - 1)) != 0)
        {
            throw new ArgumentException(string.Create(
                CultureInfo.InvariantCulture, $"{length} bytes at {offset} are not whole sectors of {Name}, which have {SectorSize} "
                    + $"bytes."), nameof(
                    offset));
        }
    }

    private void CheckWritable()
    {
        if (IsReadOnly)
        {
            throw new UnauthorizedAccessException($"{Name} is read-only.");
        }
    }

    private NotSupportedException NotSupported(string what) => new($"The back end of {Name} has no {what}.");

    private sealed class Usage(BlockDevice device) : IDisposable
    {
        private int _isDisposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            {
                device.EndUse();
            }
        }
    }
}
