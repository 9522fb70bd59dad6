using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>What makes readings of a counter never go back, whoever reads: the nucleus, and threads of the program that others preempt.</summary>
internal static class Monotonic
{
    /// <summary>Remembers a reading.</summary>
    /// <param name="last">The highest so far.</param>
    /// <param name="now">The reading.</param>
    /// <returns>It, or the highest so far where that is higher.</returns>
    public static ulong Raise(ref ulong last, ulong now)
    {
        ulong highest = Volatile.Read(ref last);
        while ((long)(now - highest) > 0)
        {
            ulong found = (ulong)Interlocked.CompareExchange(ref Unsafe.As<ulong, long>(ref last), (long)now, (long)highest);
            if (found == highest)
            {
                return now;
            }

            highest = found;
        }

        return highest;
    }
}
