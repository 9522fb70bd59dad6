namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>The clock of a simulation, and what happens when: events at one moment in the order in which they were planned.</summary>
internal sealed class SimulatedTime : IStackClock
{
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000 * Millisecond;

    private readonly PriorityQueue<Action, (long, long)> _events = new();
    private long _number;

    public long Now { get; private set; } = 1_000 * Second;

    public DateTime UtcNow => DateTime.UnixEpoch.AddTicks(Now / 100);

    /// <summary>When the next event is; <see cref="long.MaxValue"/> without one.</summary>
    public long Next => _events.TryPeek(out _, out (long Due, long) priority) ? priority.Due : long.MaxValue;

    public void After(long delay, Action action) => _events.Enqueue(action, (Now + delay, _number++));

    /// <summary>Goes to a moment, at which nothing planned lies in the past.</summary>
    public void GoTo(long moment) => Now = Math.Max(Now, moment);

    /// <summary>Does what is planned for now.</summary>
    public void RunDue()
    {
        while (Next <= Now)
        {
            _events.Dequeue()();
        }
    }
}
