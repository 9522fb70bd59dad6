using System.Runtime.InteropServices;

namespace Xenlet.DiskBench;

/// <summary>The disk xvda of a Linux guest, past the page cache: pread and pwrite for one operation at a time, io_uring for more.</summary>
internal sealed unsafe class Disk : IAsyncDisposable
{
    /// <summary>Enough for the largest depth and size that go together; 4 MiB.</summary>
    private const int BufferSize = 4 << 20;

    private readonly int _file;
    private readonly byte* _buffer;
    private IoRing? _ring;

    private Disk()
    {
        _file = NativeMethods.Open("/dev/xvda", NativeMethods.O_RDWR | NativeMethods.O_DIRECT);
        Length = _file < 0 ? -1 : NativeMethods.Seek(_file, 0, NativeMethods.SEEK_END);
        if (Length <= 0)
        {
            throw new IOException($"/dev/xvda cannot be opened: errno {Marshal.GetLastPInvokeError()}.");
        }

        // Its first touch is not to be measured.
        _buffer = (byte*)NativeMemory.AlignedAlloc(BufferSize, 4096);
        new Span<byte>(_buffer, BufferSize).Fill(0xa5);
    }

    /// <summary>Its length in bytes.</summary>
    public long Length { get; }

    public static Task<Disk> OpenAsync() => Task.FromResult(new Disk());

    /// <summary>Makes ready for work of a kind, which is not to be measured.</summary>
    public void Prepare(Work work)
    {
        _ring?.Dispose();
        _ring = null;
        if ((long)work.Size * work.Depth > BufferSize)
        {
            throw new ArgumentException($"{work.Depth} operations of {work.Size} bytes do not fit the buffer.");
        }

        if (work.Depth > 1)
        {
            _ring = new IoRing(_file, work.Depth, work.Size, _buffer);
        }
    }

    /// <summary>Does the work, which was the last to be prepared.</summary>
    public Task RunAsync(Work work)
    {
        if (_ring is not null)
        {
            _ring.Run(work, Length);
            return Task.CompletedTask;
        }

        for (int i = 0; i < work.Count; i++)
        {
            long offset = work.OffsetOf(i, Length);
            Check(work.IsWrite
                ? NativeMethods.WriteAt(_file, _buffer, work.Size, offset)
                : NativeMethods.ReadAt(_file, _buffer, work.Size, offset), work.Size);
        }

        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _ring?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>An operation's result must be its size.</summary>
    public static void Check(nint result, int size)
    {
        if (result != size)
        {
            throw new IOException($"an operation of {size} bytes gave {result}.");
        }
    }
}
