using System.Runtime;
using Xenlet.Kernel.Nucleus.Platform;

namespace Xenlet.Kernel.Nucleus.Linux.Time;

/// <summary>
/// clock_gettime(3) as a function: threads of the program read the clock without a system call. The C library has it as a weak symbol, of which the linker
/// takes none when there is this one. It lies here for the nucleus's rules: it needs no runtime, and runs with interrupts on.
/// </summary>
internal static unsafe class ProgramClock
{
    /// <summary>Reads a clock. As with Linux's vDSO, a wrong pointer is a fault.</summary>
    /// <param name="clock">One of the CLOCK_ constants; clocks of processor time are a system call.</param>
    /// <param name="time">struct timespec: seconds and nanoseconds.</param>
    /// <returns>0; what the C library's function returns for other clocks.</returns>
    [RuntimeExport("clock_gettime")]
    public static int GetTime(int clock, ulong* time)
    {
        ulong nanoseconds;
        switch (clock)
        {
            case TimeCalls.CLOCK_REALTIME:
            case TimeCalls.CLOCK_REALTIME_COARSE:
                nanoseconds = Clock.RealTime();
                break;
            case TimeCalls.CLOCK_MONOTONIC:
            case TimeCalls.CLOCK_MONOTONIC_RAW:
            case TimeCalls.CLOCK_MONOTONIC_COARSE:
            case TimeCalls.CLOCK_BOOTTIME:
                nanoseconds = Clock.Now();
                break;
            default:
                return LibraryClock.GetTime(clock, time);
        }

        time[0] = nanoseconds / TimeSpec.NanosecondsPerSecond;
        time[1] = nanoseconds % TimeSpec.NanosecondsPerSecond;
        return 0;
    }
}
