using System.Runtime.CompilerServices;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// A disk as a stream: any position, any number of bytes. A disk may have several streams. To write a part of a sector, a stream reads the
/// sector first, and no two streams of a disk do so at once. The disk is in use while a stream is open (<see cref="BlockDevice.Use"/>).
/// </summary>
/// <remarks>
/// Nothing is cached: each call goes to the disk, so use a <see cref="BufferedStream"/> for small reads and writes. Closing does not
/// flush. A call that blocks needs no other thread; one that is awaited continues on the pool, as usual. As with every stream, one call at
/// a time.
/// </remarks>
public sealed class BlockStream : Stream
{
    private readonly BlockDevice _device;
    private readonly IDisposable _use;
    private readonly byte[] _sectors;
    private readonly ManualResetEventSlim _done = new();
    private readonly Action _setDone;
    private long _position;
    private bool _isDisposed;

    /// <summary>Opens a stream at the disk's beginning.</summary>
    /// <exception cref="BlockDeviceGoneException">The disk has gone.</exception>
    public BlockStream(BlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
        _use = device.Use();
        _sectors = new byte[Math.Max(device.SectorSize, 4096)];
        _setDone = _done.Set;
    }

    /// <inheritdoc/>
    public override bool CanRead => !_isDisposed;

    /// <inheritdoc/>
    public override bool CanSeek => !_isDisposed;

    /// <inheritdoc/>
    public override bool CanWrite => !_isDisposed && !_device.IsReadOnly;

    /// <inheritdoc/>
    public override long Length => _device.Length;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    /// <summary>Makes completed writes durable. Does nothing if the back end has no flush.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _device.CanFlush ? _device.FlushAsync(cancellationToken).AsTask() : Task.CompletedTask;
    }

    /// <inheritdoc cref="FlushAsync(CancellationToken)"/>
    public override void Flush()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_device.CanFlush)
        {
            Wait(_device.FlushAsync());
        }
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        int count = Window(buffer.Length, out long start, out int skip, out int length);
        if (count == 0)
        {
            return 0;
        }

        Wait(_device.ReadAsync(start, _sectors.AsMemory(0, length)));
        _sectors.AsSpan(skip, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!IsWhole(count, out int whole))
        {
            return Read(buffer.AsSpan(offset, count));
        }

        Wait(_device.ReadAsync(_position, buffer.AsMemory(offset, whole)));
        _position += whole;
        return whole;
    }

    /// <inheritdoc/>
    public override int ReadByte()
    {
        byte value = 0;
        return Read(new Span<byte>(ref value)) == 0 ? -1 : value;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (IsWhole(buffer.Length, out int whole))
        {
            await _device.ReadAsync(_position, buffer[..whole], cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _position += whole;
            return whole;
        }

        int count = Window(buffer.Length, out long start, out int skip, out int length);
        if (count > 0)
        {
            await _device.ReadAsync(start, _sectors.AsMemory(0, length), cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _sectors.AsMemory(skip, count).CopyTo(buffer);
            _position += count;
        }

        return count;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        CheckWrite(count);
        WriteAll(buffer.AsMemory(offset, count));
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        CheckWrite(buffer.Length);
        // The caller's memory may move while this waits for the disk, so the data goes through an array, piece by piece.
        byte[] copy = System.Buffers.ArrayPool<byte>.Shared.Rent(Math.Min(Math.Max(buffer.Length, 1), 64 << 10));
        try
        {
            while (!buffer.IsEmpty)
            {
                int count = Math.Min(buffer.Length, copy.Length);
                buffer[..count].CopyTo(copy);
                WriteAll(copy.AsMemory(0, count));
                buffer = buffer[count..];
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(copy);
        }
    }

    /// <inheritdoc/>
    public override void WriteByte(byte value) => Write(new ReadOnlySpan<byte>(ref value));

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    /// <exception cref="IOException">The range reaches beyond the disk's end. Nothing was written.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        CheckWrite(buffer.Length);
        while (!buffer.IsEmpty)
        {
            int count = NextPart(buffer.Length, out int skip, out bool isWhole);
            if (isWhole)
            {
                await _device.WriteAsync(_position, buffer[..count], cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
            else
            {
                await WritePartAsync(buffer[..count], skip, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            _position += count;
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        long from = origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            SeekOrigin.End => Length,
            _ => throw new ArgumentOutOfRangeException(nameof(origin), origin, "There is no such origin."),
        };
        long position = checked(from + offset);
        return _position = position >= 0 ? position : throw new IOException("There is nothing before the beginning of a disk.");
    }

    /// <summary>Not supported: the host determines a disk's length.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override void SetLength(long value) => throw new NotSupportedException("A disk's length cannot be set.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _use.Dispose();
            _done.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>
    /// The whole sectors around the position for which <see cref="_sectors"/> has room, and how many of the wanted bytes they hold.
    /// </summary>
    private int Window(int wanted, out long start, out int skip, out int length)
    {
        int sector = _device.SectorSize;
        skip = (int)(_position % sector);
        start = _position - skip;
        int count = (int)Math.Clamp(Length - _position, 0, Math.Min(wanted, _sectors.Length - skip));
        length = (skip + count + sector - 1) / sector * sector;
        return count;
    }

    /// <summary>Whether whole sectors can be read into the caller's buffer, and how many bytes.</summary>
    private bool IsWhole(int wanted, out int whole)
    {
        int sector = _device.SectorSize;
        whole = (int)Math.Clamp(Length - _position, 0, wanted / sector * sector);
        return _position % sector == 0 && whole > 0;
    }

    /// <summary>The length of the next write: whole sectors, or a part of one, after its first <paramref name="skip"/> bytes.</summary>
    private int NextPart(int length, out int skip, out bool isWhole)
    {
        int sector = _device.SectorSize;
        skip = (int)(_position % sector);
        isWhole = skip == 0 && length >= sector;
        return isWhole ? length / sector * sector : Math.Min(length, sector - skip);
    }

    private void CheckWrite(int length)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_device.IsReadOnly)
        {
            throw new UnauthorizedAccessException($"{_device.Name} is read-only.");
        }

        if (_position > Length || length > Length - _position)
        {
            throw new IOException($"{length} bytes at {_position} reach beyond the end of {_device.Name}, which has {Length} bytes.");
        }
    }

    /// <summary>Writes on this thread alone: it waits for the disk, and needs no other thread.</summary>
    private void WriteAll(ReadOnlyMemory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = NextPart(buffer.Length, out int skip, out bool isWhole);
            if (isWhole)
            {
                Wait(_device.WriteAsync(_position, buffer[..count]));
            }
            else
            {
                WritePart(buffer[..count], skip);
            }

            _position += count;
            buffer = buffer[count..];
        }
    }

    private void WritePart(ReadOnlyMemory<byte> part, int skip)
    {
        long start = _position - skip;
        Memory<byte> sector = _sectors.AsMemory(0, _device.SectorSize);
        _device.PartWrites.Wait();
        try
        {
            Wait(_device.ReadAsync(start, sector));
            part.CopyTo(sector[skip..]);
            Wait(_device.WriteAsync(start, sector));
        }
        finally
        {
            _device.PartWrites.Release();
        }
    }

    private async ValueTask WritePartAsync(ReadOnlyMemory<byte> part, int skip, CancellationToken cancellationToken)
    {
        long start = _position - skip;
        Memory<byte> sector = _sectors.AsMemory(0, _device.SectorSize);
        await _device.PartWrites.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            await _device.ReadAsync(start, sector, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            part.CopyTo(sector[skip..]);
            await _device.WriteAsync(start, sector, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            _device.PartWrites.Release();
        }
    }

    /// <summary>Blocks the thread until a task has ended, without allocation.</summary>
    private void Wait(ValueTask task)
    {
        ValueTaskAwaiter awaiter = task.GetAwaiter();
        if (!awaiter.IsCompleted)
        {
            _done.Reset();
            awaiter.UnsafeOnCompleted(_setDone);
            _done.Wait();
        }

        awaiter.GetResult();
    }
}
