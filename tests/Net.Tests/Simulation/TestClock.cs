namespace Xenlet.Net.Tests.Simulation;

/// <summary>Time that a test moves.</summary>
internal sealed class TestClock : IStackClock
{
    private static readonly DateTime s_start = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Nanoseconds; not zero, so that a forgotten time shows.</summary>
    public long Now { get; set; } = 1_000_000_000_000;

    public DateTime UtcNow => s_start.AddTicks(Now / 100) + WallClockJump;

    /// <summary>How far the time of day has been set.</summary>
    public TimeSpan WallClockJump { get; set; }
}
