using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Platform;

/// <summary>The guest's time: Xen's pvclock, or the calibrated time-stamp counter in QEMU's PVH boot.</summary>
internal static class Clock
{
    /// <summary>Nanoseconds since boot; never goes back.</summary>
    public static ulong Now() => XenPlatform.IsPresent ? PvClock.Now() : TscClock.Now();

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public static ulong RealTime() => Now() + RealTimeOffset;

    /// <summary>Real time less monotonic time, in nanoseconds.</summary>
    private static ulong RealTimeOffset => XenPlatform.IsPresent ? PvClock.WallClockOffset() : TscClock.WallClockOffset;

    /// <summary>The monotonic time a while from now; "for ever" when that is beyond counting.</summary>
    public static ulong After(ulong nanoseconds)
    {
        ulong now = Now();
        return nanoseconds > ulong.MaxValue - now ? ulong.MaxValue : now + nanoseconds;
    }

    /// <summary>The monotonic time at which the real-time clock shows this; 0 when that is past.</summary>
    public static ulong FromRealTime(ulong nanoseconds)
    {
        ulong offset = RealTimeOffset;
        return nanoseconds == ulong.MaxValue ? nanoseconds : nanoseconds > offset ? nanoseconds - offset : 0;
    }
}
