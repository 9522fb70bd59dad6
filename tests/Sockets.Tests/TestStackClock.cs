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
    private volatile Func<bool> _fails = () => false;

    /// <summary>Whether a question for the time fails; asked by the stack's thread.</summary>
    public Func<bool> Fails
    {
        get => _fails;
        set => _fails = value;
    }

    public long Now => Fails() ? throw new InvalidOperationException("planted") : Volatile.Read(ref _now);

    public DateTime UtcNow => DateTime.UtcNow;

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan time) => Interlocked.Add(ref _now, time.Ticks * TimeSpan.NanosecondsPerTick);
}
