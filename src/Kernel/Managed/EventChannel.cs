using System.Threading.Tasks.Sources;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux.Terminal;

namespace Xenlet.Kernel;

/// <summary>An event channel port of the program.</summary>
internal sealed class EventChannel : IEventChannel, IValueTaskSource, IThreadPoolWorkItem
{
    private readonly EventDispatcher _dispatcher;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _wait;

    // Where the wait was begun, and so goes on; and how it has ended, until that is told there.
    private EventLoop? _loop;
    private Exception? _failure;
    private CancellationToken _token;
    private CancellationTokenRegistration _cancellation;
    private WaitState _state;
    private ITimer? _silence;
    private int _spuriousInRow;

    // Whether an event has ended a wait since the last one began, and was said to have brought nothing.
    private bool _isTold;
    private bool _wasSpurious;
    private bool _hasEvent;
    private bool _isDisposed;

    /// <param name="dispatcher">Brings the events.</param>
    /// <param name="handle">The nucleus's handle of the port, whose lower half is the port's number.</param>
    /// <param name="clock">Ends the silence of a channel whose other end signals without cause.</param>
    public EventChannel(EventDispatcher dispatcher, long handle, TimeProvider clock)
    {
        _dispatcher = dispatcher;
        _clock = clock;
        Handle = handle;
        Port = (uint)handle;
        dispatcher.Add(this);
    }

    private enum WaitState
    {
        None,
        Waiting,

        /// <summary>The wait has ended and its result was not taken yet.</summary>
        Ended,
    }

    public uint Port { get; }

    /// <summary>What the nucleus knows the port by. Handles of one generation of the domain are above all of an earlier one.</summary>
    internal long Handle { get; }

    public void Notify()
    {
        // Under the lock: once the port is closed its number may be another channel's.
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            Call(NucleusCall.NotifyPort, "notifying");
        }
    }

    public ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_state != WaitState.None)
            {
                throw new InvalidOperationException($"somebody waits for event channel port {Port} already");
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled(cancellationToken);
            }

            if (_isTold && !_wasSpurious)
            {
                _spuriousInRow = 0;
            }

            _isTold = _hasEvent;
            _wasSpurious = false;
            if (_hasEvent)
            {
                _hasEvent = false;
                return ValueTask.CompletedTask;
            }

            if (_spuriousInRow > (int)ConsoleAttention.FreeIdleEvents)
            {
                _silence ??= (EventLoop.Current?.ClockFor(_clock) ?? _clock).CreateTimer(
                    static channel => ((EventChannel)channel!).AskLate(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _silence.Change(Silence, Timeout.InfiniteTimeSpan);
            }
            else
            {
                // An event that comes at once is delivered when this lock is free.
                Call(NucleusCall.AskForEvent, "waiting");
            }

            _wait.Reset();
            _loop = EventLoop.Current;
            _wait.RunContinuationsAsynchronously = _loop is null;
            _failure = null;
            _state = WaitState.Waiting;
            _token = cancellationToken;
            var task = new ValueTask(this, _wait.Version);
            _cancellation = cancellationToken.UnsafeRegister(static (channel, token) => ((EventChannel)channel!).Cancel(token), this);
            return task;
        }
    }

    public bool ReportSpurious()
    {
        lock (_gate)
        {
            _wasSpurious = true;
            _spuriousInRow = Math.Min(_spuriousInRow + 1, (int)ConsoleAttention.FreeIdleEvents + 1 + ConsoleAttention.MostDoublings);
            return _spuriousInRow > (int)ConsoleAttention.FreeIdleEvents;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            // Fails only for a port that a resume of the domain has closed.
            _dispatcher.Remove(this);
            _ = NucleusGate.Call(NucleusCall.ClosePort, (ulong)Handle);
            End($"event channel port {Port} was closed");
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        lock (_gate)
        {
            if (token == _wait.Version && _state == WaitState.Ended)
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

    /// <summary>
    /// The port was signalled; it is silent until the next wait asks. Called by the dispatcher, which does a loop's work if it is idle.
    /// </summary>
    internal void OnEvent()
    {
        EventLoop? loop;
        lock (_gate)
        {
            if (_state != WaitState.Waiting)
            {
                _hasEvent = true;
                return;
            }

            _isTold = true;
            _state = WaitState.Ended;
            loop = _loop;
            if (loop is null)
            {
                Tell();
            }
        }

        loop?.Run(this);
    }

    /// <summary>The domain was resumed, and the port is closed; its number may be another channel's by now.</summary>
    internal void OnResumed()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                End($"event channel port {Port} is gone: the domain was resumed");
            }
        }
    }

    private void End(string why)
    {
        _isDisposed = true;
        _silence?.Dispose();
        if (_state == WaitState.Waiting)
        {
            EndWait(new ObjectDisposedException(nameof(EventChannel), why));
        }
    }

    private void EndWait(Exception failure)
    {
        _state = WaitState.Ended;
        _failure = failure;
        if (_loop is null)
        {
            Tell();
        }
        else
        {
            _loop.Queue(this);
        }
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

    /// <summary>How long the port stays masked: as the console's, doubled from event to event.</summary>
    private TimeSpan Silence =>
        TimeSpan.FromMicroseconds((ConsoleAttention.Moment / 1000) << (_spuriousInRow - (int)ConsoleAttention.FreeIdleEvents - 1));

    /// <summary>The silence is over.</summary>
    private void AskLate()
    {
        lock (_gate)
        {
            if (_isDisposed || _state != WaitState.Waiting)
            {
                return;
            }

            try
            {
                Call(NucleusCall.AskForEvent, "waiting");
            }
            catch (Exception error) when (error is XenException or ObjectDisposedException)
            {
                EndWait(error);
            }
        }
    }

    private void Cancel(CancellationToken token)
    {
        lock (_gate)
        {
            // A callback that comes late must not end a later wait, unless that has the same token.
            if (_state == WaitState.Waiting && _token == token)
            {
                EndWait(new OperationCanceledException(token));
            }
        }
    }

    private void Call(int call, string operation)
    {
        long answer = NucleusGate.Call(call, (ulong)Handle);
        ObjectDisposedException.ThrowIf(answer == -Errno.ESTALE, this);
        if (answer < 0)
        {
            throw NucleusAnswer.Error(answer, XenEventChannels.What, $"{operation} on event channel port {Port}");
        }
    }
}
