using System.Diagnostics;

namespace Xenlet.Kernel;

/// <summary>
/// A thread with its own queue, on which the domain's services continue after an await: xenstore, buses, drivers, control. They stay alive
/// even if the program blocks every thread of .NET's pool.
/// </summary>
/// <remarks>
/// <para>An async method that runs on a loop and awaits with <c>ConfigureAwait(EventLoop.IsCurrent)</c> comes back to that loop; elsewhere
/// the same line continues on any thread. The services are thus written once, and use the pool on Linux.</para>
/// <para>Nothing that runs on a loop may block, or it holds up everything else there. The program's code does not run on it: where a task
/// that ends on the loop is awaited without a context, the awaiting code continues on the pool, as for code that the pool runs.</para>
/// <para>Some operations use the pool implicitly and must not be used on a loop: <c>Task.Run</c>, <c>CancelAsync</c>, timers that are not
/// from <see cref="Clock"/>, a semaphore's <c>WaitAsync</c> with a token; and <c>WaitAsync</c>, <c>WhenAll</c> and <c>WhenAny</c> on the
/// task of a source that completes asynchronously, for which there is <see cref="OnLoop(Task)"/>.</para>
/// </remarks>
public sealed class EventLoop : SynchronizationContext, IDisposable
{
    /// <summary>
    /// Pieces of queued work that a thread of the guest's own does behind the one that it came with: waking the loop's thread for them
    /// would cost two switches of threads. It has other events to deliver, so there is an end.
    /// </summary>
    private const int BorrowedPieces = 16;

    // Monitor, because a Lock cannot be waited on with a time limit.
    private readonly object _lock = new();
    private readonly Queue<(SendOrPostCallback? Callback, object? State)> _queue = new();
    private readonly LoopClock _clock;
    private readonly Queue<Action> _calls = new();
    private bool _isCalling;
    private bool _isDisposed;

    // Whether something runs, on any thread, and whether the loop's own thread must look at its timers when that has ended.
    private bool _isBusy;
    private bool _isWanted;

    /// <summary>Starts the thread, which does not keep the program from ending.</summary>
    /// <param name="name">The thread's name, for reports.</param>
    public EventLoop(string name)
    {
        _clock = new(this);
        new Thread(RunQueue) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>The loop that the caller runs on, or <see langword="null"/>.</summary>
    public static new EventLoop? Current => SynchronizationContext.Current as EventLoop;

    /// <summary>Whether the caller runs on a loop and therefore has to come back to it.</summary>
    public static bool IsCurrent => SynchronizationContext.Current is EventLoop;

    /// <summary>The clock whose timers fire where the caller runs: on its loop or on the pool.</summary>
    public static TimeProvider Clock => Current?._clock ?? TimeProvider.System;

    /// <summary>
    /// Calls <paramref name="work"/> on a loop: at once if the caller is already on it or if there is none.
    /// </summary>
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

    /// <summary>Starts work without waiting for it: on a loop, or on the pool if there is none.</summary>
    public static Task Start(EventLoop? loop, Func<Task> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return loop is null ? Task.Run(work) : loop.Queue(work).Unwrap();
    }

    /// <summary>
    /// On a loop, returns a task that completes there after <paramref name="task"/>, so that awaiting it needs no pool thread. Elsewhere
    /// returns the task itself.
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

    /// <summary>
    /// If <paramref name="clock"/> is the system's, the same time with timers that fire on this loop; otherwise the clock itself.
    /// </summary>
    public TimeProvider ClockFor(TimeProvider clock) => clock == TimeProvider.System ? _clock : clock;

    /// <summary>Queues work without allocating. After <see cref="Dispose"/>, the pool runs it.</summary>
    public void Queue(IThreadPoolWorkItem work)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (!TryQueue(null, work))
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
        }
    }

    /// <summary>
    /// Does work on the caller's thread as if it were the loop's, if the loop is idle; otherwise queues it. For a thread of the guest's own
    /// that holds no locks and may be held up like the loop.
    /// </summary>
    public void Run(IThreadPoolWorkItem work)
    {
        ArgumentNullException.ThrowIfNull(work);
        lock (_lock)
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
            for (int i = 0; i < BorrowedPieces && TryTakeQueued(out (SendOrPostCallback? Callback, object? State) next); i++)
            {
                Invoke(next);
            }
        }
        finally
        {
            SetSynchronizationContext(before);
            lock (_lock)
            {
                _isBusy = false;
                if (_isWanted || _queue.Count > 0)
                {
                    Monitor.Pulse(_lock);
                }
            }
        }
    }

    /// <summary>Runs code of the program: on the pool, one call at a time, in the order of the calls to this method.</summary>
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

    /// <summary>Not supported: the loop may be waiting for whoever would wait for it.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override void Send(SendOrPostCallback d, object? state) =>
        throw new NotSupportedException("An event loop cannot be waited for.");

    /// <inheritdoc/>
    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Ends the thread once the queued work is done. The pool runs later work; timers no longer fire.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            Wake();
        }
    }

    /// <summary>Queues work. The task has the work's result and completes on this loop.</summary>
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
        lock (_lock)
        {
            if (_isDisposed)
            {
                return false;
            }

            _queue.Enqueue((callback, state));
            if (!_isBusy)
            {
                Monitor.Pulse(_lock);
            }

            return true;
        }
    }

    private bool TryTakeQueued(out (SendOrPostCallback? Callback, object? State) next)
    {
        lock (_lock)
        {
            return _queue.TryDequeue(out next);
        }
    }

    private static void Invoke((SendOrPostCallback? Callback, object? State) work)
    {
        if (work.Callback is { } callback)
        {
            callback(work.State);
        }
        else
        {
            ((IThreadPoolWorkItem)work.State!).Execute();
        }
    }

    /// <summary>Wakes the loop's thread to look at its timers, now or when nothing runs any more. Called under the lock.</summary>
    private void Wake()
    {
        _isWanted = true;
        if (!_isBusy)
        {
            Monitor.Pulse(_lock);
        }
    }

    private void RunQueue()
    {
        SetSynchronizationContext(this);
        while (true)
        {
            (SendOrPostCallback? Callback, object? State) next;
            lock (_lock)
            {
                next = default;
                while (_isBusy || !TryTake(out next))
                {
                    if (_isDisposed && !_isBusy)
                    {
                        return;
                    }

                    _isWanted = _isBusy;
                    Monitor.Wait(_lock, _isBusy ? Timeout.Infinite : _clock.UntilNext());
                }

                _isBusy = true;
            }

            Invoke(next);
            lock (_lock)
            {
                _isBusy = false;
            }
        }
    }

    /// <summary>Takes what is due: first an expired timer, then queued work, which may arrive without end.</summary>
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

    /// <summary>The system's time with timers of the loop. The loop's lock guards all of it.</summary>
    private sealed class LoopClock(EventLoop loop) : TimeProvider
    {
        private readonly PriorityQueue<LoopTimer, long> _timers = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            LoopTimer timer = new(this, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }

        /// <summary>Milliseconds until a timer is due, rounded up; -1 if there is none.</summary>
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
            lock (loop._lock)
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
        /// <summary>The interval after the first call. Not positive for a single call.</summary>
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
