using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace Xenlet.XenStoreRing.Transport;

/// <summary>
/// Reads a connected socket on two threads: the one that bytes wake hands them over, and then runs the code that waited for what they say
/// (<see cref="ReadingThread"/>), while the other waits for the next bytes. So an answer changes threads once, as in a library that reads
/// in the calling thread, and code that blocks holds up nobody.
/// </summary>
/// <remarks>
/// .NET's own sockets change threads twice: one thread waits for all sockets and hands over to the pool. Both threads wait for one epoll
/// set, edge-triggered, which wakes one of them for new bytes (epoll(7)).
/// </remarks>
internal sealed partial class SocketReader : IValueTaskSource<int>
{
    private const int ThreadCount = 2;

    // sys/epoll.h
    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EPOLL_CTL_ADD = 1;
    private const uint EPOLLIN = 1;
    private const uint EPOLLRDHUP = 0x2000;
    private const uint EPOLLET = 1u << 31;
    private const uint EndingEvents = EPOLLRDHUP | 8 | 0x10; // EPOLLERR, EPOLLHUP
    private const int EFD_CLOEXEC = 0x80000;
    private const int EINTR = 4;

    private readonly Socket _socket;
    private readonly Lock _lock = new();
    private readonly int _epoll;
    private ManualResetValueTaskSourceCore<int> _source;
    private CancellationTokenRegistration _cancellation;
    private Memory<byte> _buffer;

    // Whether somebody waits for bytes, and whether there may be some that nobody has been told of: an edge is told once.
    private bool _isAwaited;
    private bool _hasNews = true;

    // The other side's end, or an error, follows what is there: that edge may have been the one of the last bytes.
    private bool _isEnding;
    private bool _isDisposed;
    private int _end = -1;
    private int _waiting;
    private int _running = ThreadCount;

    /// <summary>Starts to wait for bytes.</summary>
    /// <param name="socket">Connected, not blocking; it stays the caller's, who disposes of it before <see cref="Dispose"/>.</param>
    /// <exception cref="XenStoreException">Linux has no room for another epoll set.</exception>
    public SocketReader(Socket socket)
    {
        _socket = socket;
        _epoll = CreateEpoll(EPOLL_CLOEXEC);
        EpollEvent wanted = new() { Events = EPOLLIN | EPOLLRDHUP | EPOLLET };
        if (_epoll < 0 || ControlEpoll(_epoll, EPOLL_CTL_ADD, (int)socket.Handle, ref wanted) < 0)
        {
            string reason = Marshal.GetLastPInvokeErrorMessage();
            _ = Close(_epoll);
            throw new XenStoreException(XenStoreError.ConnectionClosed, $"waiting for the socket is not possible: {reason}");
        }

        for (int i = 0; i < ThreadCount; i++)
        {
            new Thread(Run) { IsBackground = true, Name = "xenstore socket" }.UnsafeStart();
        }
    }

    /// <summary>Reads what is there, at least one byte; 0 at the stream's end. One at a time.</summary>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, _socket);
            _buffer = buffer;
            if (_hasNews && TryReceive(out int count, out SocketException? failure))
            {
                return failure is null ? new(count) : ValueTask.FromException<int>(failure);
            }

            _source.Reset();
            _isAwaited = true;
        }

        _cancellation = cancellationToken.UnsafeRegister(
            static (state, token) => ((SocketReader)state!).EndWait(new OperationCanceledException(token)), this);
        return new(this, _source.Version);
    }

    /// <summary>Ends a read that waits, and the threads.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;

            // Not edge-triggered: it wakes both.
            _end = CreateEvent(1, EFD_CLOEXEC);
            EpollEvent wanted = new() { Events = EPOLLIN };
            _ = ControlEpoll(_epoll, EPOLL_CTL_ADD, _end, ref wanted);
        }

        EndWait(new ObjectDisposedException(typeof(Socket).FullName));
    }

    public int GetResult(short token)
    {
        // Waits for a cancellation that is just being carried out on another thread.
        _cancellation.Dispose();
        return _source.GetResult(token);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    /// <summary>Ends a read that waits. The reader continues on another thread, not inside this call.</summary>
    private void EndWait(Exception reason)
    {
        lock (_lock)
        {
            if (!_isAwaited)
            {
                return;
            }

            _isAwaited = false;
        }

        ThreadPool.UnsafeQueueUserWorkItem(
            static at => at.Reader._source.SetException(at.Reason), (Reader: this, Reason: reason), preferLocal: false);
    }

    private void Run()
    {
        while (TryWait(out uint events))
        {
            int count;
            SocketException? failure;
            lock (_lock)
            {
                _hasNews = true;
                _isEnding |= (events & EndingEvents) != 0;
                if (!_isAwaited || !TryReceive(out count, out failure))
                {
                    continue;
                }

                _isAwaited = false;
            }

            ReadingThread.Begin();
            if (failure is null)
            {
                _source.SetResult(count);
            }
            else
            {
                _source.SetException(failure);
            }

            ReadingThread.End(isRelieved: Volatile.Read(ref _waiting) > 0);
        }

        if (Interlocked.Decrement(ref _running) == 0)
        {
            _ = Close(_end);
            _ = Close(_epoll);
        }
    }

    /// <summary>Waits for news of the socket; <see langword="false"/> at the end.</summary>
    private bool TryWait(out uint events)
    {
        EpollEvent news = default;
        Interlocked.Increment(ref _waiting);
        while (WaitForEvent(_epoll, ref news, 1, -1) < 0 && Marshal.GetLastPInvokeError() == EINTR)
        {
        }

        Interlocked.Decrement(ref _waiting);
        events = news.Events;
        lock (_lock)
        {
            return !_isDisposed;
        }
    }

    /// <summary>Takes what is there; <see langword="false"/> when nothing is. Called with the lock held.</summary>
    private bool TryReceive(out int count, out SocketException? failure)
    {
        failure = null;
        try
        {
            count = _socket.Receive(_buffer.Span, SocketFlags.None, out SocketError error);
            if (error is SocketError.WouldBlock or SocketError.TryAgain)
            {
                _hasNews = false;
                return false;
            }

            // Of a stream a part of what was asked for is all the bytes there were (epoll(7)).
            _hasNews = _isEnding || count == _buffer.Length;
            failure = error == SocketError.Success ? null : new SocketException((int)error);
        }
        catch (ObjectDisposedException)
        {
            count = 0;
        }

        return true;
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int CreateEpoll(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int ControlEpoll(int epoll, int operation, int file, ref EpollEvent wanted);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int WaitForEvent(int epoll, ref EpollEvent news, int count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int CreateEvent(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);

    /// <summary>Linux's <c>struct epoll_event</c>, of 12 bytes on x86-64 and 16 elsewhere; its data is not used.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    private struct EpollEvent
    {
        public uint Events;
    }
}
