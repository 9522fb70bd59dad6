using System.Diagnostics;
using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>The guest's clocks. .NET's stopwatch is Xen's system time, which goes on across a suspend.</summary>
internal sealed class StackClock : IStackClock
{
    private static readonly long s_nanosecondsPerTick = 1_000_000_000 / Stopwatch.Frequency;

    /// <inheritdoc/>
    public long Now => Stopwatch.GetTimestamp() * s_nanosecondsPerTick;

    /// <inheritdoc/>
    public DateTime UtcNow => DateTime.UtcNow;

    /// <summary>The stopwatch's timestamp for a time of <see cref="Now"/>; what is never stays <see cref="long.MaxValue"/>.</summary>
    public static long ToTimestamp(long time) =>
        time == long.MaxValue ? time : (time + s_nanosecondsPerTick - 1) / s_nanosecondsPerTick;
}
