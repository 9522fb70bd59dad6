using System.Threading.Tasks.Sources;

namespace Xenlet.Kernel;

/// <summary>
/// A signal that one task at a time can await. Setting it ends the current wait, or else the next one; setting it twice is the same as
/// once. Waiting allocates nothing.
/// </summary>
/// <remarks>
/// A wait begun on an <see cref="EventLoop"/> continues there; any other continues on the thread pool or wherever its awaiter asks for,
/// never within <see cref="Set"/>. A cancellation ends only the wait it was given to, and consumes no signal.
/// </remarks>
public sealed class AsyncSignal : IValueTaskSource, IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _wait;

    // The loop on which the wait began and will continue, and the wait's result until it is delivered there.
    private EventLoop? _loop;
    private Exception? _failure;
    private CancellationToken _token;
    private CancellationTokenRegistration _cancellation;
    private WaitState _state;
    private bool _isSet;

    private enum WaitState
    {
        None,
        Waiting,

        /// <summary>The wait has ended, and its result has not been taken.</summary>
        Ended,
    }

    /// <summary>Whether the next wait will end at once.</summary>
    public bool IsSet
    {
        get
        {
            lock (_lock)
            {
                return _isSet;
            }
        }
    }

    /// <summary>Whether a wait is in progress.</summary>
    public bool IsAwaited
    {
        get
        {
            lock (_lock)
            {
                return _state == WaitState.Waiting;
            }
        }
    }

    /// <summary>Whether a wait may begin: none is in progress, and the result of the last one was taken.</summary>
    public bool CanWait
    {
        get
        {
            lock (_lock)
            {
                return _state == WaitState.None;
            }
        }
    }

    /// <summary>Ends the current wait, or else the next one.</summary>
    public void Set()
    {
        if (TrySet(out EventLoop? loop))
        {
            loop?.Queue(this);
        }
    }

    /// <summary>As <see cref="Set"/>, for a caller that passes the wait's completion to the loop itself.</summary>
    /// <param name="loop">
    /// The loop on which the wait began: the wait ends when that loop runs this signal. If null, the wait has ended.
    /// </param>
    /// <returns>Whether there was a wait. If not, the signal is kept for the next one.</returns>
    public bool TrySet(out EventLoop? loop)
    {
        lock (_lock)
        {
            bool isAwaited = TryEnd(null, out loop);
            _isSet |= !isAwaited;
            return isAwaited;
        }
    }

    /// <summary>Ends the current wait with an exception. Does nothing if there is none.</summary>
    public void Fail(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        EventLoop? loop;
        lock (_lock)
        {
            TryEnd(failure, out loop);
        }

        loop?.Queue(this);
    }

    /// <summary>Waits for the signal. Completes at once if it is set.</summary>
    /// <exception cref="InvalidOperationException">Another wait is in progress, or its result has not been taken.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_state != WaitState.None)
            {
                throw new InvalidOperationException("Another wait is already in progress.");
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled(cancellationToken);
            }

            if (_isSet)
            {
                _isSet = false;
                return ValueTask.CompletedTask;
            }

            _wait.Reset();
            _loop = EventLoop.Current;
            _wait.RunContinuationsAsynchronously = _loop is null;
            _state = WaitState.Waiting;
            _token = cancellationToken;
            ValueTask task = new(this, _wait.Version);
            _cancellation = cancellationToken.UnsafeRegister(static (signal, token) => ((AsyncSignal)signal!).Cancel(token), this);
            return task;
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        lock (_lock)
        {
            if (token == _wait.Version && _wait.GetStatus(token) != ValueTaskSourceStatus.Pending)
            {
                _state = WaitState.None;
                _cancellation.Unregister();
            }

            _wait.GetResult(token);
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        // On a loop, the scheduling context is not needed: the wait completes on the loop itself.
        _wait.OnCompleted(
            continuation, state, token, _loop is null ? flags : flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    /// <summary>Completes the wait, on the loop on which it began.</summary>
    void IThreadPoolWorkItem.Execute() => Complete();

    /// <summary>Ends the wait, and completes it if there is no loop. Called under the lock.</summary>
    private bool TryEnd(Exception? failure, out EventLoop? loop)
    {
        loop = null;
        if (_state != WaitState.Waiting)
        {
            return false;
        }

        _state = WaitState.Ended;
        _failure = failure;
        loop = _loop;
        if (loop is null)
        {
            Complete();
        }

        return true;
    }

    private void Complete()
    {
        if (_failure is null)
        {
            _wait.SetResult(true);
        }
        else
        {
            _wait.SetException(_failure);
        }
    }

    private void Cancel(CancellationToken cancellationToken)
    {
        EventLoop? loop;
        lock (_lock)
        {
            // A late callback must not end a later wait, unless that wait has the same token.
            if (_token != cancellationToken)
            {
                return;
            }

            TryEnd(new OperationCanceledException(cancellationToken), out loop);
        }

        loop?.Queue(this);
    }
}
