using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>getrandom and /dev/urandom.</summary>
internal static unsafe class RandomCalls
{
    /// <summary>As on Linux: the most that one call returns.</summary>
    private const ulong MaximumCount = 32 << 20;

    /// <summary>
    /// The number of bytes generated at a time, which keeps interrupts off for some tens of microseconds. The thread then makes the same
    /// call again, which continues where it stopped; other threads and interrupts run in between.
    /// </summary>
    public const ulong PartSize = 16 << 10;

    /// <summary>Fills a part of the caller's buffer, which need not be present.</summary>
    /// <returns>
    /// The number of bytes filled, once all are. Before that <see cref="CallResult.None"/>: the call is made again. A negative errno if not
    /// even the first part can be filled.
    /// </returns>
    public static long Get(Thread* thread, ulong address, ulong count)
    {
        count = Math.Min(count, MaximumCount);
        ulong done = Math.Min(thread->Progress, count);
        thread->Progress = 0;
        ulong part = Math.Min(count - done, PartSize);
        long error = ProgramMemory.PrepareWrite(address + done, part);
        if (error < 0)
        {
            return done > 0 ? (long)done : error;
        }

        RandomNumbers.Fill((byte*)address + done, part);
        done += part;
        if (done == count)
        {
            return (long)count;
        }

        return CallParts.Continue(thread, null, done);
    }
}
