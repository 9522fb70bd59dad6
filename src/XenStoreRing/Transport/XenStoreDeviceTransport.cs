using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing;

/// <summary>
/// A connection through the Linux kernel: the character device <c>/dev/xen/xenbus</c>. The device cannot be awaited through .NET's sockets,
/// so one background thread polls and reads it.
/// </summary>
public sealed partial class XenStoreDeviceTransport : IXenStoreTransport
{
    private const short PollIn = 1;
    private const int InterruptedCall = 4;
    private const int TryAgain = 11;

    private readonly string _path;
    private readonly byte[] _chunk = new byte[XenStoreLimits.MaxPayload];
    private readonly AsyncSignal _filled = new();
    private readonly SemaphoreSlim _emptied = new(0);
    private readonly Lock _lock = new();
    private SafeFileHandle? _device;
    private Thread? _thread;
    private int _wakeRead = -1;
    private int _wakeWrite = -1;
    private int _start;
    private int _end;
    private bool _hasEnded;
    private bool _isDisposed;
    private Exception? _failure;

    /// <summary>
    /// Creates a transport that will open the device at <paramref name="path"/>.
    /// </summary>
    public XenStoreDeviceTransport(string path = "/dev/xen/xenbus")
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = path;
    }

    /// <summary>Uses an open file, which the transport then owns.</summary>
    internal XenStoreDeviceTransport(SafeFileHandle device)
        : this("a file given as open") => _device = device;

    /// <inheritdoc/>
    public bool OutlivesClient => false;

    /// <inheritdoc/>
    public XenStoreServerFeatures ServerFeatures => XenStoreServerFeatures.None;

    /// <summary>
    /// One: Linux sends a request's body some time after the write, from the buffer into which the next write of the same file goes
    /// (drivers/xen/xenbus: <c>xenbus_file_write</c>, <c>xenbus_dev_request_and_reply</c>). A second request would replace the first.
    /// </summary>
    public int MaxOutstanding => 1;

    /// <inheritdoc/>
    public ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            _device ??= File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new XenStoreException(XenStoreError.ConnectionClosed, $"opening {_path} failed: {failure.Message}", failure);
        }

        Span<int> ends = stackalloc int[2];
        if (Pipe(ends) != 0)
        {
            throw Failed("making a pipe");
        }

        _wakeRead = ends[0];
        _wakeWrite = ends[1];
        _thread = new(ReadAll) { IsBackground = true, Name = "xenstore device" };
        _thread.Start();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_lock)
            {
                int count = Math.Min(buffer.Length, _end - _start);
                if (count > 0)
                {
                    _chunk.AsSpan(_start, count).CopyTo(buffer.Span);
                    _start += count;
                    if (_start == _end)
                    {
                        _emptied.Release();
                    }

                    return count;
                }

                if (_hasEnded)
                {
                    return _failure is null ? 0 : throw _failure;
                }
            }

            await _filled.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Writes the message. The kernel accepts it whole, and itself waits for room in the ring.</summary>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        ReadOnlySpan<byte> rest = data.Span;
        while (!rest.IsEmpty)
        {
            nint written = Write(_device!, rest, (nuint)rest.Length);
            if (written < 0)
            {
                if (Marshal.GetLastPInvokeError() == InterruptedCall)
                {
                    continue;
                }

                throw Failed("writing");
            }

            rest = rest[(int)written..];
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public XenStoreException? FindFault() => null;

    /// <inheritdoc/>
    public string Describe() => $"device {_path}";

    /// <summary>Closes the device once its thread has released it.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return ValueTask.CompletedTask;
            }

            _isDisposed = true;
        }

        if (_thread is not null)
        {
            _ = WriteDescriptor(_wakeWrite, [0], 1);
            _emptied.Release();
            _thread.Join();
            _ = CloseDescriptor(_wakeRead);
            _ = CloseDescriptor(_wakeWrite);
        }

        _device?.Dispose();
        _emptied.Dispose();
        return ValueTask.CompletedTask;
    }

    private void ReadAll()
    {
        try
        {
            while (WaitForBytes())
            {
                nint count = Read(_device!, _chunk, (nuint)_chunk.Length);
                if (count < 0)
                {
                    if (Marshal.GetLastPInvokeError() is InterruptedCall or TryAgain)
                    {
                        continue;
                    }

                    throw Failed("reading");
                }

                if (count == 0)
                {
                    break;
                }

                lock (_lock)
                {
                    _start = 0;
                    _end = (int)count;
                }

                _filled.Set();
                _emptied.Wait();
            }
        }
        catch (XenStoreException failure)
        {
            _failure = failure;
        }

        lock (_lock)
        {
            _hasEnded = true;
        }

        _filled.Set();
    }

    /// <summary>Waits for the device; <see langword="false"/> when the transport is being disposed.</summary>
    private bool WaitForBytes()
    {
        Span<PollDescriptor> descriptors = stackalloc PollDescriptor[2];
        descriptors[0] = new() { File = (int)_device!.DangerousGetHandle(), Events = PollIn };
        descriptors[1] = new() { File = _wakeRead, Events = PollIn };
        while (Poll(descriptors, 2, -1) < 0)
        {
            if (Marshal.GetLastPInvokeError() != InterruptedCall)
            {
                throw Failed("waiting");
            }
        }

        lock (_lock)
        {
            return !_isDisposed;
        }
    }

    private XenStoreException Failed(string what) => new(XenStoreError.ConnectionClosed, string.Create(CultureInfo.InvariantCulture,
        $"{what} failed on {_path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}"));

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteDescriptor(int file, ReadOnlySpan<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "pipe", SetLastError = true)]
    private static partial int Pipe(Span<int> ends);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseDescriptor(int file);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(Span<PollDescriptor> descriptors, nuint count, int milliseconds);

    /// <summary>Linux's <c>struct pollfd</c>.</summary>
    private struct PollDescriptor
    {
        public int File;
        public short Events;
        private readonly short _returned;
    }
}
