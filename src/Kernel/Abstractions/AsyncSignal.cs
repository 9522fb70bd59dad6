using System.Threading.Tasks.Sources;

namespace Xenlet.Kernel;

/// <summary>
/// A signal that one task at a time can await. Setting it lets the present wait through, or else the next one; setting it twice is
/// setting it once. Waiting makes no garbage.
/// </summary>
/// <remarks>
/// A wait that was begun on an <see cref="EventLoop"/> goes on there, any other by the thread pool or where its awaiter asks for: never
/// within <see cref="Set"/>. A cancellation ends the wait it was given to and no later one, and takes no signal away.
/// </remarks>
public sealed class AsyncSignal : IValueTaskSource, IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _wait;

    // Where the wait was begun, and so goes on; and how it has ended, until that is told there.
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

        /// <summary>The wait has ended and its result was not taken yet.</summary>
        Ended,
    }

    /// <summary>Whether the next wait ends at once.</summary>
    public bool IsSet
    {
        get
        {
            lock (_gate)
            {
                return _isSet;
            }
        }
    }

    /// <summary>Whether a wait is under way.</summary>
    public bool IsAwaited
    {
        get
        {
            lock (_gate)
            {
                return _state == WaitState.Waiting;
            }
        }
    }

    /// <summary>Whether a wait may begin: none is under way, and the result of the last one was taken.</summary>
    public bool CanWait
    {
        get
        {
            lock (_gate)
            {
                return _state == WaitState.None;
            }
        }
    }

    /// <summary>Lets the present wait through, or else the next one.</summary>
    public void Set()
    {
        if (TrySet(out EventLoop? loop))
        {
            loop?.Queue(this);
        }
    }

    /// <summary>As <see cref="Set"/>, for a caller that hands the wait's end over to the loop itself.</summary>
    /// <param name="loop">Where the wait was begun: it ends when the loop runs this signal. Without one it has ended.</param>
    /// <returns>Whether there was a wait; else the signal is kept for the next one.</returns>
    public bool TrySet(out EventLoop? loop)
    {
        lock (_gate)
        {
            bool isAwaited = TryEnd(null, out loop);
            _isSet |= !isAwaited;
            return isAwaited;
        }
    }

    /// <summary>Ends the present wait with an exception; does nothing when there is none.</summary>
    public void Fail(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        EventLoop? loop;
        lock (_gate)
        {
            TryEnd(failure, out loop);
        }

        loop?.Queue(this);
    }

    /// <summary>Waits for the signal; at once when it is set.</summary>
    /// <exception cref="InvalidOperationException">Another wait is under way, or its result was not taken yet.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_state != WaitState.None)
            {
                throw new InvalidOperationException("Somebody waits already; one at a time may.");
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
        lock (_gate)
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
        // A loop is told by itself: there is nowhere else to go on.
        _wait.OnCompleted(
            continuation, state, token, _loop is null ? flags : flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    /// <summary>Tells of the wait's end, on the loop where it was begun.</summary>
    void IThreadPoolWorkItem.Execute() => Tell();

    /// <summary>Ends the wait, and tells of that where there is no loop. Called under the gate.</summary>
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
            Tell();
        }

        return true;
    }

    private void Tell()
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
        lock (_gate)
        {
            // A callback that comes late must not end a later wait, unless that has the same token.
            if (_token != cancellationToken)
            {
                return;
            }

            TryEnd(new OperationCanceledException(cancellationToken), out loop);
        }

        loop?.Queue(this);
    }
}
