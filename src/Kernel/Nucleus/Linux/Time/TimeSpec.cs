using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Time;

/// <summary>Reads and writes a program's <see cref="timespec"/>, with checks.</summary>
internal static unsafe class TimeSpec
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Reads a time. A time that does not fit in 64 bits of nanoseconds reads as <see cref="ulong.MaxValue"/>.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static long Read(ulong address, out ulong nanoseconds)
    {
        nanoseconds = 0;
        long error = ProgramMemory.PrepareRead(address, (ulong)sizeof(timespec));
        if (error < 0)
        {
            return error;
        }

        long seconds = ((timespec*)address)->tv_sec;
        long fraction = ((timespec*)address)->tv_nsec;
        if (seconds < 0 || fraction < 0 || (ulong)fraction >= NanosecondsPerSecond)
        {
            return -Errno.EINVAL;
        }

        nanoseconds = (ulong)seconds >= ulong.MaxValue / NanosecondsPerSecond
            ? ulong.MaxValue
            : (ulong)seconds * NanosecondsPerSecond + (ulong)fraction;
        return 0;
    }

    /// <returns>0 or a negative errno.</returns>
    public static long Write(ulong address, ulong nanoseconds)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(timespec));
        if (error < 0)
        {
            return error;
        }

        ((timespec*)address)->tv_sec = (long)(nanoseconds / NanosecondsPerSecond);
        ((timespec*)address)->tv_nsec = (long)(nanoseconds % NanosecondsPerSecond);
        return 0;
    }
}
