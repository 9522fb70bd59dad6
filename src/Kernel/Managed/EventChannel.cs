using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux.Terminal;

namespace Xenlet.Kernel;

/// <summary>An event channel port of the program.</summary>
internal sealed class EventChannel : IEventChannel
{
    private readonly EventDispatcher _dispatcher;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private readonly AsyncSignal _signal = new();
    private ITimer? _silence;
    private int _spuriousInRow;

    // Whether an event has ended a wait since the last one began, and was said to have brought nothing.
    private bool _isTold;
    private bool _wasSpurious;
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

    public uint Port { get; }

    /// <summary>What the nucleus knows the port by. Handles of one generation of the domain are above all of an earlier one.</summary>
    public long Handle { get; }

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
            if (!_signal.CanWait)
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

            _isTold = _signal.IsSet;
            _wasSpurious = false;
            if (_isTold)
            {
                return _signal.WaitAsync(cancellationToken);
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

            return _signal.WaitAsync(cancellationToken);
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

    /// <summary>
    /// The port was signalled; it is silent until the next wait asks. Called by the dispatcher, which does a loop's work if it is idle.
    /// </summary>
    public void OnEvent()
    {
        EventLoop? loop;
        lock (_gate)
        {
            if (!_signal.TrySet(out loop))
            {
                return;
            }

            _isTold = true;
        }

        loop?.Run(_signal);
    }

    /// <summary>The domain was resumed, and the port is closed; its number may be another channel's by now.</summary>
    public void OnResumed()
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
        _signal.Fail(new ObjectDisposedException(nameof(EventChannel), why));
    }

    /// <summary>How long the port stays masked: as the console's, doubled from event to event.</summary>
    private TimeSpan Silence =>
        TimeSpan.FromMicroseconds((ConsoleAttention.Moment / 1000) << (_spuriousInRow - (int)ConsoleAttention.FreeIdleEvents - 1));

    /// <summary>The silence is over.</summary>
    private void AskLate()
    {
        lock (_gate)
        {
            if (_isDisposed || !_signal.IsAwaited)
            {
                return;
            }

            try
            {
                Call(NucleusCall.AskForEvent, "waiting");
            }
            catch (Exception error) when (error is XenException or ObjectDisposedException)
            {
                _signal.Fail(error);
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
