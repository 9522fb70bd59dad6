using System.Diagnostics;
using Xenlet.Net;

namespace Xenlet.Sockets.Tests;

/// <summary>
/// A stack's time, which passes only when a test says so. It is an hour ahead of the host's: no wait of the stack's ends by itself.
/// </summary>
internal sealed class TestStackClock : IStackClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private long _now = (Stopwatch.GetTimestamp() / Stopwatch.Frequency * NanosecondsPerSecond) + (3_600 * NanosecondsPerSecond);
    private volatile Func<Exception?> _fault = () => null;

    /// <summary>What a question for the time meets; asked by the stack's thread.</summary>
    public Func<Exception?> Fault
    {
        get => _fault;
        set => _fault = value;
    }

    public long Now => Fault() is { } fault ? throw fault : Volatile.Read(ref _now);

    public DateTime UtcNow => DateTime.UtcNow;

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan time) => Interlocked.Add(ref _now, time.Ticks * TimeSpan.NanosecondsPerTick);
}
