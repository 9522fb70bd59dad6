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
    private int _failures;

    /// <summary>How many times the next questions for the time fail.</summary>
    public int Failures
    {
        get => Volatile.Read(ref _failures);
        set => Volatile.Write(ref _failures, value);
    }

    public long Now
    {
        get
        {
            if (Failures > 0)
            {
                Failures--;
                throw new InvalidOperationException("planted");
            }

            return Volatile.Read(ref _now);
        }
    }

    public DateTime UtcNow => DateTime.UtcNow;

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan time) => Interlocked.Add(ref _now, time.Ticks * TimeSpan.NanosecondsPerTick);
}
