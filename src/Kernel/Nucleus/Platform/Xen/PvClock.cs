using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Time from the records that Xen keeps in the shared info page: system time by the time-stamp counter, and Unix time by the wall clock.
/// </summary>
/// <remarks>
/// System time is the host's uptime in nanoseconds. Only the boot processor's record is used, and it is read with interrupts off.
/// </remarks>
internal static unsafe class PvClock
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    // Xen writes a record while the reading vCPU does not run, or within a microsecond. More attempts mean that the page is not Xen's.
    private const int MaximumTries = 10_000_000;

    private static shared_info* s_shared;

    /// <summary>Added to Xen's system time, in nanoseconds. 0 until the domain resumes on another host.</summary>
    public static long Offset => Image.Clock->Offset;

    /// <summary>Attaches to the shared info page. Time starts at Xen's system time.</summary>
    public static void Initialise(shared_info* shared)
    {
        s_shared = shared;
        ClockRecord* clock = Image.Clock;
        clock->Offset = 0;
        clock->Last = 0;
        clock->WallClock = (ulong)&shared->wc_version;
        clock->Record = (ulong)&shared->vcpu0.time;
    }

    /// <summary>Nanoseconds since some fixed moment before the boot. Never goes back.</summary>
    public static ulong Now()
    {
        ClockRecord* clock = Image.Clock;
        ulong now = SystemTime() + (ulong)clock->Offset;
        if ((long)(now - clock->Last) < 0)
        {
            return clock->Last;
        }

        clock->Last = now;
        return now;
    }

    /// <summary>After a resume, when the system time is another host's: continues from the last time returned.</summary>
    public static void ContinueAfterResume()
    {
        ClockRecord* clock = Image.Clock;
        clock->Offset = (long)(clock->Last - SystemTime());
        clock->Generation++;
    }

    /// <summary>Nanoseconds since 1970-01-01 UTC. It follows the host's clock, so it may jump in either direction.</summary>
    public static ulong UnixTime() => Now() + WallClockOffset();

    /// <summary>The difference from <see cref="Now"/> to Unix time, in nanoseconds.</summary>
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
                // The record is relative to Xen's system time, without the guest's offset.
                return ((((ulong)upperSeconds << 32) | seconds) * NanosecondsPerSecond) + nanoseconds - (ulong)Image.Clock->Offset;
            }

            Machine.Pause();
        }

        Panic.Halt("the wall clock in shared_info is never complete"u8);
        return 0;
    }

    /// <summary>Xen's own system time in nanoseconds. Successive readings may go back a little.</summary>
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
                // The record was made on a processor whose counter is slightly ahead: no time has passed since.
                ulong count = counter > timestamp ? counter - timestamp : 0;
                return systemTime + Scale(count, multiplier, shift);
            }

            Machine.Pause();
        }

        Panic.Halt("the clock record in vcpu_info is never complete"u8);
        return 0;
    }

    /// <summary>
    /// Converts counter ticks to nanoseconds: ((count &lt;&lt; shift) * multiplier) &gt;&gt; 32, with a product of 96 bits.
    /// </summary>
    public static ulong Scale(ulong count, uint multiplier, sbyte shift)
    {
        count = shift >= 0 ? count << shift : count >> -shift;
        return ((count >> 32) * multiplier) + (((count & uint.MaxValue) * multiplier) >> 32);
    }
}
