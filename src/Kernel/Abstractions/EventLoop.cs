using System.Diagnostics;

namespace Xenlet.Kernel;

/// <summary>
/// A thread with a queue of its own, on which the domain's services go on after what they have awaited: xenstore, buses, drivers,
/// control. A program may block every thread of .NET's pool, and they are alive all the same.
/// </summary>
/// <remarks>
/// <para>
/// An async method that runs on it and awaits with <c>ConfigureAwait(EventLoop.IsCurrent)</c> comes back to it; elsewhere the same line
/// goes on wherever there is a thread. So the services are written once, and on Linux use the pool.
/// </para>
/// <para>
/// Nothing that runs on it may block, or it holds up all the others. Code of the program does not run on it: a task that ends on it goes
/// on by the pool where it is awaited without a context, as it is for code that the pool runs.
/// </para>
/// <para>
/// What takes the pool behind one's back, and is not done on it: <c>Task.Run</c>, <c>CancelAsync</c>, timers that are not of
/// <see cref="Clock"/>, a semaphore's <c>WaitAsync</c> with a token; and <c>WaitAsync</c>, <c>WhenAll</c> and <c>WhenAny</c> of the task of
/// a source that completes asynchronously, for which there is <see cref="OnLoop(Task)"/>.
/// </para>
/// </remarks>
public sealed class EventLoop : SynchronizationContext, IDisposable
{
    // Monitor, since a Lock cannot be waited on with a limit.
    private readonly object _gate = new();
    private readonly Queue<(SendOrPostCallback? Callback, object? State)> _queue = new();
    private readonly LoopClock _clock;
    private readonly Queue<Action> _calls = new();
    private bool _isCalling;
    private bool _isDisposed;

    // Whether something runs, on whichever thread; and whether the loop's own thread is to look when it has ended.
    private bool _isBusy;
    private bool _isWanted;

    /// <summary>Starts the thread. It does not keep the program from ending.</summary>
    /// <param name="name">The thread's name, for reports.</param>
    public EventLoop(string name)
    {
        _clock = new(this);
        new Thread(RunQueue) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>The loop that the caller runs on, or <see langword="null"/>.</summary>
    public static new EventLoop? Current => SynchronizationContext.Current as EventLoop;

    /// <summary>Whether the caller runs on a loop, and so has to come back to it.</summary>
    public static bool IsCurrent => SynchronizationContext.Current is EventLoop;

    /// <summary>The clock whose timers fire where the caller runs: on its loop, or by the pool.</summary>
    public static TimeProvider Clock => Current?._clock ?? TimeProvider.System;

    /// <summary>Calls <paramref name="work"/> on a loop: at once where the caller is on it already, or where there is none.</summary>
    public static Task RunAsync(EventLoop? loop, Func<Task> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return loop is null || loop == Current ? work() : loop.Queue(work).Unwrap();
    }

    /// <inheritdoc cref="RunAsync(EventLoop?, Func{Task})"/>
    public static Task<T> RunAsync<T>(EventLoop? loop, Func<Task<T>> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return loop is null || loop == Current ? work() : loop.Queue(work).Unwrap();
    }

    /// <summary>Begins work that the caller does not wait for here: on a loop, or by the pool where there is none.</summary>
    public static Task Start(EventLoop? loop, Func<Task> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return loop is null ? Task.Run(work) : loop.Queue(work).Unwrap();
    }

    /// <summary>
    /// On a loop, a task that ends there when <paramref name="task"/> has: what waits for that one needs no thread of the pool. Elsewhere
    /// the task itself.
    /// </summary>
    public static Task OnLoop(Task task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return IsCurrent && !task.IsCompleted ? FollowAsync(task) : task;

        static async Task FollowAsync(Task task) => await task.ConfigureAwait(true);
    }

    /// <inheritdoc cref="OnLoop(Task)"/>
    public static Task<T> OnLoop<T>(Task<T> task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return IsCurrent && !task.IsCompleted ? FollowAsync(task) : task;

        static async Task<T> FollowAsync(Task<T> task) => await task.ConfigureAwait(true);
    }

    /// <summary>The same time with timers that fire on this loop, where <paramref name="clock"/> is the system's; else itself.</summary>
    public TimeProvider ClockFor(TimeProvider clock) => clock == TimeProvider.System ? _clock : clock;

    /// <summary>Queues work, without garbage. After <see cref="Dispose"/> the pool has it.</summary>
    public void Queue(IThreadPoolWorkItem work)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (!TryQueue(null, work))
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
        }
    }

    /// <summary>
    /// Does work on the caller's thread, as if it were the loop's, when the loop has nothing to do; else queues it. For a thread that
    /// belongs to the guest, holds no locks, and may be held up as the loop may.
    /// </summary>
    public void Run(IThreadPoolWorkItem work)
    {
        ArgumentNullException.ThrowIfNull(work);
        lock (_gate)
        {
            if (_isBusy || _queue.Count > 0 || _isDisposed)
            {
                Queue(work);
                return;
            }

            _isBusy = true;
        }

        SynchronizationContext? before = SynchronizationContext.Current;
        SetSynchronizationContext(this);
        try
        {
            work.Execute();
        }
        finally
        {
            SetSynchronizationContext(before);
            lock (_gate)
            {
                _isBusy = false;
                if (_isWanted)
                {
                    Monitor.Pulse(_gate);
                }
            }
        }
    }

    /// <summary>Has code of the program called: by the pool, one call at a time, in the order in which they were handed in here.</summary>
    public void CallProgram(Action call)
    {
        ArgumentNullException.ThrowIfNull(call);
        lock (_calls)
        {
            _calls.Enqueue(call);
            if (_isCalling)
            {
                return;
            }

            _isCalling = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static loop => loop.CallAll(), this, preferLocal: false);
    }

    /// <inheritdoc/>
    public override void Post(SendOrPostCallback d, object? state)
    {
        ArgumentNullException.ThrowIfNull(d);
        if (!TryQueue(d, state))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static work => work.d(work.state), (d, state), preferLocal: false);
        }
    }

    /// <summary>Not supported: whoever waits for the loop may be what it waits for.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("An event loop is not waited for.");

    /// <inheritdoc/>
    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Ends the thread when it has done what is queued. The pool does what comes later; timers do not fire any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Wake();
        }
    }

    /// <summary>Queues work; its result is what it gives, and comes by this loop.</summary>
    private Task<T> Queue<T>(Func<T> work)
    {
        TaskCompletionSource<T> done = new();
        Post(
            _ =>
            {
                try
                {
                    done.SetResult(work());
                }
                catch (Exception error)
                {
                    done.SetException(error);
                }
            },
            null);
        return done.Task;
    }

    private bool TryQueue(SendOrPostCallback? callback, object? state)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return false;
            }

            _queue.Enqueue((callback, state));
            Wake();
            return true;
        }
    }

    /// <summary>Has the loop's thread look at what is to be done, when nothing runs. Called under the gate.</summary>
    private void Wake()
    {
        _isWanted = true;
        if (!_isBusy)
        {
            Monitor.Pulse(_gate);
        }
    }

    private void RunQueue()
    {
        SetSynchronizationContext(this);
        while (true)
        {
            (SendOrPostCallback? Callback, object? State) next;
            lock (_gate)
            {
                next = default;
                while (_isBusy || !TryTake(out next))
                {
                    if (_isDisposed && !_isBusy)
                    {
                        return;
                    }

                    _isWanted = _isBusy;
                    Monitor.Wait(_gate, _isBusy ? Timeout.Infinite : _clock.UntilNext());
                }

                _isBusy = true;
            }

            if (next.Callback is { } callback)
            {
                callback(next.State);
            }
            else
            {
                ((IThreadPoolWorkItem)next.State!).Execute();
            }

            lock (_gate)
            {
                _isBusy = false;
            }
        }
    }

    /// <summary>Takes what is due: a timer before what is queued, which may come without end.</summary>
    private bool TryTake(out (SendOrPostCallback? Callback, object? State) next)
    {
        if (!_isDisposed && _clock.TryTakeDue() is { } timer)
        {
            next = (null, timer);
            return true;
        }

        return _queue.TryDequeue(out next);
    }

    private void CallAll()
    {
        while (true)
        {
            Action? call;
            lock (_calls)
            {
                if (!_calls.TryDequeue(out call))
                {
                    _isCalling = false;
                    return;
                }
            }

            call();
        }
    }

    /// <summary>The system's time, with timers of the loop. All of it is guarded by the loop's gate.</summary>
    private sealed class LoopClock(EventLoop loop) : TimeProvider
    {
        private readonly PriorityQueue<LoopTimer, long> _timers = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            LoopTimer timer = new(this, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }

        /// <summary>Milliseconds until a timer is due, rounded up; -1 for ever.</summary>
        public int UntilNext() => _timers.TryPeek(out _, out long due)
            ? (int)Math.Clamp(Math.Ceiling(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due).TotalMilliseconds), 0, int.MaxValue)
            : Timeout.Infinite;

        public LoopTimer? TryTakeDue()
        {
            if (!_timers.TryPeek(out LoopTimer? timer, out long due) || due > Stopwatch.GetTimestamp())
            {
                return null;
            }

            _timers.Dequeue();
            if (timer.Period > TimeSpan.Zero)
            {
                Add(timer, timer.Period);
            }

            return timer;
        }

        public bool Set(LoopTimer timer, TimeSpan dueTime, TimeSpan period, bool isLast)
        {
            lock (loop._gate)
            {
                _timers.Remove(timer, out _, out _);
                if (timer.IsDisposed || loop._isDisposed)
                {
                    return false;
                }

                timer.IsDisposed = isLast;
                timer.Period = period;
                if (dueTime >= TimeSpan.Zero)
                {
                    Add(timer, dueTime);
                    loop.Wake();
                }

                return true;
            }
        }

        private void Add(LoopTimer timer, TimeSpan time) =>
            _timers.Enqueue(timer, Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency));
    }

    private sealed class LoopTimer(LoopClock clock, TimerCallback callback, object? state) : ITimer, IThreadPoolWorkItem
    {
        /// <summary>The time between two calls after the first; not positive for one call.</summary>
        public TimeSpan Period { get; set; }

        public bool IsDisposed { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period) => clock.Set(this, dueTime, period, isLast: false);

        public void Dispose() => clock.Set(this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan, isLast: true);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        public void Execute() => callback(state);
    }
}
