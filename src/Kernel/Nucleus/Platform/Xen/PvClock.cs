using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Time from the records that Xen keeps in the shared page: system time from the time-stamp counter, Unix time from the wall clock.
/// </summary>
/// <remarks>System time is the host's uptime in nanoseconds. For the boot processor; read with interrupts off.</remarks>
internal static unsafe class PvClock
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    // Xen writes a record while the vCPU that reads it does not run, or within a microsecond: more tries mean a page that is not Xen's.
    private const int MaximumTries = 10_000_000;

    private static shared_info* s_shared;
    private static long s_offset;
    private static ulong s_last;

    /// <summary>What is added to Xen's system time, nanoseconds. 0 until the domain resumes on another host.</summary>
    public static long Offset => s_offset;

    /// <summary>Takes the shared page. Time starts from Xen's system time.</summary>
    public static void Initialise(shared_info* shared)
    {
        s_shared = shared;
        s_offset = 0;
        s_last = 0;
    }

    /// <summary>Nanoseconds since some fixed moment before the boot. Never goes back.</summary>
    public static ulong Now()
    {
        ulong now = SystemTime() + (ulong)s_offset;
        if ((long)(now - s_last) < 0)
        {
            return s_last;
        }

        s_last = now;
        return now;
    }

    /// <summary>After a resume, whose system time is that of another host: goes on from the last time that was given out.</summary>
    public static void ContinueAfterResume() => s_offset = (long)(s_last - SystemTime());

    /// <summary>Nanoseconds since 1970-01-01 UTC. Follows the host's clock, so it may jump either way.</summary>
    public static ulong UnixTime() => Now() + WallClockOffset();

    /// <summary>What to add to <see cref="Now"/> to get Unix time, nanoseconds.</summary>
    public static ulong WallClockOffset()
    {
        for (int tries = 0; tries < MaximumTries; tries++)
        {
            uint version = Volatile.Read(ref s_shared->wc_version);
            uint seconds = Volatile.Read(ref s_shared->wc_sec);
            uint upperSeconds = Volatile.Read(ref s_shared->wc_sec_hi);
            uint nanoseconds = Volatile.Read(ref s_shared->wc_nsec);
            if ((version & 1) == 0 && Volatile.Read(ref s_shared->wc_version) == version)
            {
                // The record is relative to Xen's system time, not to ours with its offset.
                return ((((ulong)upperSeconds << 32) | seconds) * NanosecondsPerSecond) + nanoseconds - (ulong)s_offset;
            }

            Machine.Pause();
        }

        Panic.Halt("the wall clock in shared_info is never complete"u8);
        return 0;
    }

    /// <summary>Xen's own system time, nanoseconds; may differ by a little between readings in the wrong direction.</summary>
    public static ulong SystemTime()
    {
        vcpu_time_info* time = &s_shared->vcpu0.time;
        for (int tries = 0; tries < MaximumTries; tries++)
        {
            uint version = Volatile.Read(ref time->version);
            ulong timestamp = Volatile.Read(ref time->tsc_timestamp);
            ulong systemTime = Volatile.Read(ref time->system_time);
            uint multiplier = Volatile.Read(ref time->tsc_to_system_mul);
            sbyte shift = Volatile.Read(ref time->tsc_shift);
            ulong counter = Machine.ReadTsc();
            if ((version & 1) == 0 && Volatile.Read(ref time->version) == version)
            {
                // A record made on a processor whose counter is a little ahead: no time has passed since.
                ulong count = counter > timestamp ? counter - timestamp : 0;
                return systemTime + Scale(count, multiplier, shift);
            }

            Machine.Pause();
        }

        Panic.Halt("the clock record in vcpu_info is never complete"u8);
        return 0;
    }

    /// <summary>Counts to nanoseconds: ((count &lt;&lt; shift) * multiplier) &gt;&gt; 32, with a product of 96 bits.</summary>
    public static ulong Scale(ulong count, uint multiplier, sbyte shift)
    {
        count = shift >= 0 ? count << shift : count >> -shift;
        return ((count >> 32) * multiplier) + (((count & uint.MaxValue) * multiplier) >> 32);
    }
}
