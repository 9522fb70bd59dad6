namespace Xenlet.Net;

/// <summary>The time of a stack. It is handed in, so that a test can simulate it.</summary>
public interface IStackClock
{
    /// <summary>Nanoseconds since some moment. It never goes back, and goes on across a suspended domain's pause.</summary>
    long Now { get; }

    /// <summary>The time of day, by which leases run out.</summary>
    DateTime UtcNow { get; }
}
