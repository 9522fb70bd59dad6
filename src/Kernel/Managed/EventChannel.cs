using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux.Terminal;

namespace Xenlet.Kernel;

/// <summary>An event channel port of the program.</summary>
internal sealed class EventChannel : IEventChannel
{
    private readonly EventDispatcher _dispatcher;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private readonly AsyncSignal _signal = new();
    private ITimer? _unmaskTimer;
    private int _spuriousInRow;

    // Whether an event has ended a wait since the last wait began, and whether its owner reported it as spurious.
    private bool _hasEvent;
    private bool _wasSpurious;
    private bool _isDisposed;

    /// <param name="dispatcher">Delivers the events.</param>
    /// <param name="handle">The nucleus's handle of the port. Its lower half is the port's number.</param>
    /// <param name="clock">Times how long a port stays masked whose other end signals without cause.</param>
    public EventChannel(EventDispatcher dispatcher, long handle, TimeProvider clock)
    {
        _dispatcher = dispatcher;
        _clock = clock;
        Handle = handle;
        Port = (uint)handle;
        dispatcher.Add(this);
    }

    public uint Port { get; }

    /// <summary>
    /// The nucleus's handle of the port. All handles of one generation of the domain are greater than those of earlier ones.
    /// </summary>
    public long Handle { get; }

    public void Notify()
    {
        // Under the lock, because a closed port's number may already be another channel's.
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            Call(NucleusCall.NotifyPort, "notifying");
        }
    }

    public ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (!_signal.CanWait)
            {
                throw new InvalidOperationException($"event channel port {Port} already has a waiter");
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled(cancellationToken);
            }

            if (_hasEvent && !_wasSpurious)
            {
                _spuriousInRow = 0;
            }

            _hasEvent = _signal.IsSet;
            _wasSpurious = false;
            if (_hasEvent)
            {
                return _signal.WaitAsync(cancellationToken);
            }

            if (_spuriousInRow > (int)ConsoleService.FreeIdleEvents)
            {
                _unmaskTimer ??= (EventLoop.Current?.ClockFor(_clock) ?? _clock).CreateTimer(
                    static channel => ((EventChannel)channel!).UnmaskLate(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _unmaskTimer.Change(MaskedTime, Timeout.InfiniteTimeSpan);
            }
            else
            {
                // An event that arrives at once is delivered when this lock is free.
                Call(NucleusCall.UnmaskPort, "waiting");
            }

            return _signal.WaitAsync(cancellationToken);
        }
    }

    public bool ReportSpurious()
    {
        lock (_lock)
        {
            _wasSpurious = true;
            _spuriousInRow = Math.Min(_spuriousInRow + 1, (int)ConsoleService.FreeIdleEvents + 1 + ConsoleService.MaximumDoublings);
            return _spuriousInRow > (int)ConsoleService.FreeIdleEvents;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            // Fails only for a port that a resume of the domain has closed.
            _dispatcher.Remove(this);
            _ = NucleusSystemCall.Invoke(NucleusCall.ClosePort, (ulong)Handle);
            End($"event channel port {Port} was closed");
        }
    }

    /// <summary>
    /// The port was signalled. It stays masked until the next wait. Called by the dispatcher, which also does a loop's work if the loop is
    /// idle.
    /// </summary>
    public void OnEvent()
    {
        EventLoop? loop;
        lock (_lock)
        {
            if (!_signal.TrySet(out loop))
            {
                return;
            }

            _hasEvent = true;
        }

        loop?.Run(_signal);
    }

    /// <summary>The domain was resumed and the port is closed. Its number may already be another channel's.</summary>
    public void OnResumed()
    {
        lock (_lock)
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
        _unmaskTimer?.Dispose();
        _signal.Fail(new ObjectDisposedException(nameof(EventChannel), why));
    }

    /// <summary>How long the port stays masked: as for the console, doubled from event to event.</summary>
    private TimeSpan MaskedTime =>
        TimeSpan.FromMicroseconds((ConsoleService.Interval / 1000) << (_spuriousInRow - (int)ConsoleService.FreeIdleEvents - 1));

    /// <summary>The time is over during which the port stayed masked.</summary>
    private void UnmaskLate()
    {
        lock (_lock)
        {
            if (_isDisposed || !_signal.IsAwaited)
            {
                return;
            }

            try
            {
                Call(NucleusCall.UnmaskPort, "waiting");
            }
            catch (Exception error) when (error is XenException or ObjectDisposedException)
            {
                _signal.Fail(error);
            }
        }
    }

    private void Call(int call, string operation)
    {
        long answer = NucleusSystemCall.Invoke(call, (ulong)Handle);
        ObjectDisposedException.ThrowIf(answer == -Errno.ESTALE, this);
        if (answer < 0)
        {
            throw NucleusError.ToException(answer, XenEventChannels.What, $"{operation} on event channel port {Port}");
        }
    }
}
