using System.Threading.Tasks.Sources;

namespace Xenlet.Drivers.Block;

/// <summary>
/// One operation as its caller sees it: a read, write, flush or discard, which becomes one request or several. Used again and again, so
/// that an operation makes no garbage. All but the result is guarded by the device's gate.
/// </summary>
internal sealed class BlockOperation(BlockDevice device) : IValueTaskSource
{
    // Marks that the caller has been told.
    private static readonly Action<object?> Told = static _ => { };

    private ManualResetValueTaskSourceCore<bool> _result;

    // What only wakes somebody, and is called by whoever tells; kept apart, since _result would have the pool call it.
    private Action<object?>? _waker;
    private object? _wakerState;

    public BlockRequestKind Kind { get; set; }

    /// <summary>Where it begins on the disk, in bytes.</summary>
    public long Offset { get; set; }

    /// <summary>Its bytes on the disk.</summary>
    public long Length { get; private set; }

    /// <summary>A read's destination.</summary>
    public Memory<byte> Destination { get; set; }

    /// <summary>A write's source.</summary>
    public ReadOnlyMemory<byte> Source { get; set; }

    /// <summary>Requests under way for it, and fragments that wait.</summary>
    public int Pending { get; set; }

    /// <summary>The first thing that went wrong.</summary>
    public Exception? Error { get; set; }

    /// <summary>Whether the caller has been told, or is about to be: nothing of the caller's is touched any more.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Whether the caller has taken the result, so that it does not know this object any more.</summary>
    public bool IsTaken { get; private set; }

    public CancellationToken Token { get; private set; }

    /// <summary>The next of those that have ended and are to be told.</summary>
    public BlockOperation? Next { get; set; }

    private CancellationTokenRegistration Cancellation { get; set; }

    /// <summary>Its result, for the caller.</summary>
    public ValueTask Task => new(this, _result.Version);

    /// <summary>Begins a new use. Cancelled already, it has ended on return.</summary>
    public void Begin(BlockRequestKind kind, long offset, long length, CancellationToken cancellationToken)
    {
        _result.Reset();
        (_waker, _wakerState) = (null, null);
        (Kind, Offset, Length, Error, HasEnded, IsTaken, Pending, Token) = (kind, offset, length, null, false, false, 0, cancellationToken);
        Cancellation = cancellationToken.UnsafeRegister(static (operation, token) => ((BlockOperation)operation!).Cancel(token), this);
    }

    /// <summary>From now on nothing of the caller's is touched.</summary>
    public void End()
    {
        HasEnded = true;
        Destination = default;
        Source = default;
    }

    /// <summary>Tells the caller, without the gate. This may be another operation already on return.</summary>
    /// <param name="inline">Whether what the caller does next may run before this returns.</param>
    public void Tell(bool inline)
    {
        _result.RunContinuationsAsynchronously = !inline;
        // Before the result, with which this may become another operation.
        object? state = null;
        Action<object?>? waker = Interlocked.Exchange(ref _waker, Told);
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
        // A caller that awaits twice, or too early, gets the exception and changes nothing.
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
            // It has just ended; whoever ends it is about to set the result.
            SpinWait wait = default;
            while (_result.GetStatus(token) == ValueTaskSourceStatus.Pending)
            {
                wait.SpinOnce();
            }

            continuation(state);
        }
    }

    /// <summary>The result was taken; the device's gate is held.</summary>
    public void SetTaken()
    {
        IsTaken = true;
        Error = null;
        Token = default;
        Cancellation = default;
    }

    private void Cancel(CancellationToken cancellationToken) => device.Cancel(this, cancellationToken);
}

/// <summary>A part of an operation that waits to be sent; a flush has no length.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="From">Where it begins, counted from the operation's beginning.</param>
/// <param name="Length">Its bytes.</param>
internal record struct BlockFragment(BlockOperation Operation, long From, long Length);
