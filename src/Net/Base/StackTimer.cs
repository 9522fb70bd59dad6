namespace Xenlet.Net;

/// <summary>A timer of a stack: one object for the life of its owner, set and cancelled without garbage.</summary>
public class StackTimer
{
    private readonly Action? _expired;

    /// <summary>Makes a timer that is not set.</summary>
    /// <param name="expired">Called by <see cref="StackTimers.Run"/> when the time has come. It may set the timer again.</param>
    public StackTimer(Action expired) => _expired = expired;

    /// <summary>Makes a timer whose class says what happens when the time has come, so that no object does.</summary>
    private protected StackTimer()
    {
    }

    /// <summary>No place in the queue.</summary>
    internal const int NotQueued = -1;

    /// <summary>When the timer expires, in nanoseconds of <see cref="IStackClock.Now"/>; of no meaning when it is not set.</summary>
    public long Due { get; internal set; }

    /// <summary>Whether the timer is set.</summary>
    public bool IsSet => Index != NotQueued;

    /// <summary>The place in the queue's heap.</summary>
    internal int Index { get; set; } = NotQueued;

    /// <summary>Calls the owner.</summary>
    internal virtual void Expire() => _expired!();
}
