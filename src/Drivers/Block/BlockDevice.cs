using System.Globalization;
using Xenlet.Drivers.Block;

namespace Xenlet.Drivers;

/// <summary>
/// A virtual disk. Any number of operations may be under way at once, from any threads; which of them the disk carries out first is not
/// defined, as with every disk: whoever needs an order awaits one before the next.
/// </summary>
/// <remarks>
/// <para>
/// Offsets and lengths are bytes, and multiples of <see cref="SectorSize"/>. A buffer belongs to the operation until it has completed. A
/// cancelled operation completes at once, and its buffer is not touched any more; what a cancelled write has written is not known.
/// </para>
/// <para>
/// Over a suspend operations wait: those under way are sent again when the domain has its disk back. When the disk goes, all of them end
/// with <see cref="BlockDeviceGoneException"/>.
/// </para>
/// </remarks>
public sealed partial class BlockDevice : IBlockSink
{
    internal BlockDevice(string name) => Name = name;

    /// <summary>Raised on a thread of the pool when <see cref="Length"/> has changed.</summary>
    public event EventHandler? LengthChanged;

    /// <summary>The disk's name as the domain's configuration has it, such as <c>xvda</c>.</summary>
    public string Name { get; }

    /// <summary>Bytes of the disk. The host may change it at any time.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>Bytes of a sector: a power of two from 512 to 4096.</summary>
    public int SectorSize => Features.SectorSize;

    /// <summary>Bytes of a sector of the storage behind the disk: writes that are multiples of it cost it the least.</summary>
    public int PhysicalSectorSize => Features.PhysicalSectorSize;

    /// <summary>Whether writes are refused.</summary>
    public bool IsReadOnly => (Features.Info & BlockProtocol.InfoReadOnly) != 0;

    /// <summary>Whether the medium can be taken out.</summary>
    public bool IsRemovable => (Features.Info & (BlockProtocol.InfoRemovable | BlockProtocol.InfoCdRom)) != 0;

    /// <summary>Whether the back end has a flush. Where it has none, it says nothing of when a completed write lasts.</summary>
    public bool CanFlush => _flush is not null;

    /// <summary>Whether the back end can forget data.</summary>
    public bool CanDiscard => _canDiscard;

    /// <summary>Bytes of what a discard frees as a whole, at least a sector.</summary>
    public long DiscardGranularity => Features.DiscardGranularity;

    /// <summary>Whether the disk is there, though it may be waiting for its back end after a suspend. Once false it stays so.</summary>
    public bool IsPresent => _state != BlockState.Gone;

    /// <summary>What it has done so far, and has to do now.</summary>
    public BlockStatistics Statistics
    {
        get
        {
            lock (_gate)
            {
                return _counters.Read() with { RequestsUnderWay = _connection?.UnderWay ?? 0, Waiting = _waiting.Count + _late.Count };
            }
        }
    }

    /// <summary>Held by whoever writes a part of a sector, between reading and writing it.</summary>
    internal SemaphoreSlim PartWrites { get; } = new(1);

    private BlockFeatures Features => _features ?? throw new InvalidOperationException($"{Name} is not connected yet");

    /// <summary>Reads into all of a buffer.</summary>
    /// <param name="offset">Where, in bytes.</param>
    /// <param name="buffer">As many bytes as are to be read.</param>
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

    /// <summary>Writes all of a buffer. It lasts when a <see cref="FlushAsync"/> that began afterwards has completed.</summary>
    /// <param name="offset">Where, in bytes.</param>
    /// <param name="buffer">The bytes, which must not change before it has completed.</param>
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

    /// <summary>Makes all writes that have completed until now last.</summary>
    /// <exception cref="NotSupportedException">The back end has no flush: <see cref="CanFlush"/>.</exception>
    /// <exception cref="BlockIOException">The back end could not do it.</exception>
    /// <exception cref="BlockDeviceGoneException">The disk has gone.</exception>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _flush is { } kind
        ? Submit(kind, 0, 0, default, default, cancellationToken)
        : throw NotSupported("flush");

    /// <summary>Tells the host that what is there is not needed any more. What is read there afterwards is not defined.</summary>
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
    /// Keeps the disk from being unplugged until what it gives is disposed: the administrator who tries reads in the device's error node
    /// that it is in use. A host that takes the disk away by force is not kept from it.
    /// </summary>
    /// <exception cref="BlockDeviceGoneException">The disk has gone, or is about to.</exception>
    public IDisposable Use()
    {
        lock (_gate)
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
