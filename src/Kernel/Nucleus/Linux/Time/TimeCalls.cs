using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Time;

/// <summary>clock_gettime, clock_getres, clock_nanosleep, gettimeofday.</summary>
internal static unsafe class TimeCalls
{
    // linux/time.h
    public const int CLOCK_MONOTONIC = 1;
    private const int CLOCK_REALTIME = 0;
    private const int CLOCK_PROCESS_CPUTIME_ID = 2;
    private const int CLOCK_THREAD_CPUTIME_ID = 3;
    private const int CLOCK_MONOTONIC_RAW = 4;
    private const int CLOCK_REALTIME_COARSE = 5;
    private const int CLOCK_MONOTONIC_COARSE = 6;
    private const int CLOCK_BOOTTIME = 7;
    private const uint TIMER_ABSTIME = 1;

    /// <summary>Of struct timezone: two 32-bit numbers.</summary>
    private const ulong ZoneSize = 8;

    public static long Get(int clock, ulong address)
    {
        switch (clock)
        {
            case CLOCK_REALTIME:
            case CLOCK_REALTIME_COARSE:
                return TimeSpec.Write(address, Clock.RealTime());
            case CLOCK_MONOTONIC:
            case CLOCK_MONOTONIC_RAW:
            case CLOCK_MONOTONIC_COARSE:
            case CLOCK_BOOTTIME:
                return TimeSpec.Write(address, Clock.Now());
            case CLOCK_THREAD_CPUTIME_ID:
                return TimeSpec.Write(address, Scheduler.CurrentCpuTime);
            case CLOCK_PROCESS_CPUTIME_ID:
                return TimeSpec.Write(address, Scheduler.ProcessCpuTime);
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>gettimeofday(2). The time zone is a leftover that Linux answers with zeros.</summary>
    public static long TimeOfDay(ulong time, ulong zone)
    {
        long error = time == 0 ? 0 : ProgramMemory.PrepareWrite(time, (ulong)sizeof(timeval));
        if (error >= 0 && zone != 0)
        {
            error = ProgramMemory.PrepareWrite(zone, ZoneSize);
        }

        if (error < 0)
        {
            return error;
        }

        if (time != 0)
        {
            ulong now = Clock.RealTime();
            *(timeval*)time = new() { tv_sec = (long)(now / 1_000_000_000), tv_usec = (long)(now % 1_000_000_000 / 1000) };
        }

        if (zone != 0)
        {
            *(ulong*)zone = 0;
        }

        return 0;
    }

    /// <summary>time(2).</summary>
    public static long Seconds(ulong address)
    {
        long seconds = (long)(Clock.RealTime() / 1_000_000_000);
        if (address != 0)
        {
            long error = ProgramMemory.PrepareWrite(address, 8);
            if (error < 0)
            {
                return error;
            }

            *(long*)address = seconds;
        }

        return seconds;
    }

    /// <summary>All clocks have a resolution of one nanosecond.</summary>
    public static long Resolution(int clock, ulong address) =>
        !IsKnown(clock) ? -Errno.EINVAL : address == 0 ? 0 : TimeSpec.Write(address, 1);

    /// <param name="clock">The clock.</param>
    /// <param name="flags">TIMER_ABSTIME or 0.</param>
    /// <param name="request">Address of a timespec: how long, or until when.</param>
    /// <param name="remaining">Address that receives the remaining time if a signal ends a relative sleep, or 0.</param>
    public static long Sleep(int clock, uint flags, ulong request, ulong remaining)
    {
        if (clock is not (CLOCK_REALTIME or CLOCK_MONOTONIC or CLOCK_BOOTTIME))
        {
            return IsKnown(clock) ? -Errno.EOPNOTSUPP : -Errno.EINVAL;
        }

        long error = TimeSpec.Read(request, out ulong nanoseconds);
        if (error != 0)
        {
            return error;
        }

        ulong deadline = (flags & TIMER_ABSTIME) == 0 ? Clock.After(nanoseconds)
            : clock == CLOCK_REALTIME ? Clock.FromRealTime(nanoseconds) : nanoseconds;
        WaitEnd end = WaitEnd.Interruptible;
        end.RemainingTime = (flags & TIMER_ABSTIME) == 0 ? remaining : 0;
        Scheduler.Block(Scheduler.Current, WaitKind.Sleep, deadline, end);
        return CallResult.None;
    }

    /// <summary>Writes the remaining time for a thread whose wait a signal ends, if it asked for that.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static long WriteRemaining(Thread* thread)
    {
        if (thread->End.RemainingTime == 0)
        {
            return 0;
        }

        ulong now = Clock.Now();
        return TimeSpec.Write(thread->End.RemainingTime, thread->Deadline > now ? thread->Deadline - now : 0);
    }

    private static bool IsKnown(int clock) => clock is CLOCK_REALTIME or CLOCK_MONOTONIC or CLOCK_PROCESS_CPUTIME_ID
        or CLOCK_THREAD_CPUTIME_ID or CLOCK_MONOTONIC_RAW or CLOCK_REALTIME_COARSE or CLOCK_MONOTONIC_COARSE or CLOCK_BOOTTIME;
}
