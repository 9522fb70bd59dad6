using System.Threading.Tasks.Sources;

namespace Xenlet.Drivers.Block;

/// <summary>
/// One operation of a caller: a read, write, flush or discard, which becomes one request or several. The object is reused, so that an
/// operation allocates nothing. The disk's lock guards all of it except the result.
/// </summary>
internal sealed class BlockOperation(BlockDevice device) : IValueTaskSource
{
    // Marks that the operation is complete for its caller.
    private static readonly Action<object?> Completed = static _ => { };

    private ManualResetValueTaskSourceCore<bool> _result;

    // A continuation that only wakes a waiter. The thread that completes the operation calls it; _result would leave it to the pool.
    private Action<object?>? _waker;
    private object? _wakerState;

    public BlockRequestKind Kind { get; set; }

    /// <summary>The offset on the disk, in bytes.</summary>
    public long Offset { get; set; }

    /// <summary>The length on the disk, in bytes.</summary>
    public long Length { get; private set; }

    /// <summary>A read's destination.</summary>
    public Memory<byte> Destination { get; set; }

    /// <summary>A write's source.</summary>
    public ReadOnlyMemory<byte> Source { get; set; }

    /// <summary>The number of its requests in flight and of its waiting fragments.</summary>
    public int Pending { get; set; }

    /// <summary>The first error.</summary>
    public Exception? Error { get; set; }

    /// <summary>Whether it has ended, so that the caller's memory is no longer touched. The caller may not know yet.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Whether the caller has taken the result, and no longer refers to this object.</summary>
    public bool IsTaken { get; private set; }

    public CancellationToken Token { get; private set; }

    /// <summary>The next in the chain of operations that have ended and have to be completed.</summary>
    public BlockOperation? Next { get; set; }

    private CancellationTokenRegistration Cancellation { get; set; }

    /// <summary>Its result, for the caller.</summary>
    public ValueTask Task => new(this, _result.Version);

    /// <summary>Begins a new operation. If the token is already cancelled, it has ended on return.</summary>
    public void Begin(BlockRequestKind kind, long offset, long length, CancellationToken cancellationToken)
    {
        _result.Reset();
        (_waker, _wakerState) = (null, null);
        (Kind, Offset, Length, Error, HasEnded, IsTaken, Pending, Token) = (kind, offset, length, null, false, false, 0, cancellationToken);
        Cancellation = cancellationToken.UnsafeRegister(static (operation, token) => ((BlockOperation)operation!).Cancel(token), this);
    }

    /// <summary>Ends the operation: from now on the caller's memory is not touched.</summary>
    public void End()
    {
        HasEnded = true;
        Destination = default;
        Source = default;
    }

    /// <summary>Completes it for the caller, without the lock. On return the object may already be another operation.</summary>
    /// <param name="inline">Whether the caller may continue before this returns.</param>
    public void Complete(bool inline)
    {
        _result.RunContinuationsAsynchronously = !inline;
        // Before the result is set: after that, this may become another operation.
        object? state = null;
        Action<object?>? waker = Interlocked.Exchange(ref _waker, Completed);
        if (waker is not null)
        {
            state = _wakerState;
        }

        if (Error is { } error)
        {
            _result.SetException(error);
        }
        else
        {
            _result.SetResult(true);
        }

        if (waker is not null)
        {
            Waker.Call(waker, state, device.Loop);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        // A caller that takes the result twice, or too early, gets an exception and changes nothing.
        bool isFirst = _result.GetStatus(token) != ValueTaskSourceStatus.Pending;
        try
        {
            _result.GetResult(token);
        }
        finally
        {
            if (isFirst)
            {
                Cancellation.Unregister();
                device.OnTaken(this);
            }
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _result.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if (!Waker.Is(continuation, state))
        {
            _result.OnCompleted(continuation, state, token, flags);
            return;
        }

        _wakerState = state;
        if (Interlocked.CompareExchange(ref _waker, continuation, null) is not null)
        {
            // It is being completed: the result will be set in a moment.
            SpinWait wait = default;
            while (_result.GetStatus(token) == ValueTaskSourceStatus.Pending)
            {
                wait.SpinOnce();
            }

            continuation(state);
        }
    }

    /// <summary>The caller has taken the result. Called with the disk's lock held.</summary>
    public void SetTaken()
    {
        IsTaken = true;
        Error = null;
        Token = default;
        Cancellation = default;
    }

    private void Cancel(CancellationToken cancellationToken) => device.Cancel(this, cancellationToken);
}

/// <summary>A part of an operation that waits to be sent. A flush has no length.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="From">Its offset in the operation, in bytes.</param>
/// <param name="Length">Its length, in bytes.</param>
internal record struct BlockFragment(BlockOperation Operation, long From, long Length);
