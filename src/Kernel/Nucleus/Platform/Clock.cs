using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Platform;

/// <summary>The guest's time: Xen's pvclock, or the calibrated time-stamp counter in QEMU's PVH boot.</summary>
internal static class Clock
{
    /// <summary>Nanoseconds since boot. Never goes back.</summary>
    public static ulong Now() => XenPlatform.IsPresent ? PvClock.Now() : TscClock.Now();

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public static ulong RealTime() => Now() + RealTimeOffset;

    /// <summary>Real time minus monotonic time, in nanoseconds.</summary>
    private static ulong RealTimeOffset => XenPlatform.IsPresent ? PvClock.WallClockOffset() : TscClock.WallClockOffset;

    /// <summary>The monotonic time this long from now; <see cref="ulong.MaxValue"/> if it would overflow.</summary>
    public static ulong After(ulong nanoseconds)
    {
        ulong now = Now();
        return nanoseconds > ulong.MaxValue - now ? ulong.MaxValue : now + nanoseconds;
    }

    /// <summary>The monotonic time at which the real-time clock shows this value, or 0 if that has passed.</summary>
    public static ulong FromRealTime(ulong nanoseconds)
    {
        ulong offset = RealTimeOffset;
        return nanoseconds == ulong.MaxValue ? nanoseconds : nanoseconds > offset ? nanoseconds - offset : 0;
    }
}
