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

    // SYSCALL is two bytes long.
    private const ulong InstructionSize = 2;

    /// <summary>
    /// Whether the thread makes a call again to continue it. Other calls that have made progress are retried after a wait.
    /// </summary>
    public static bool IsBetweenParts(Thread* thread) => thread->Progress != 0 && !thread->IsRetry;

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

        thread->Progress = done;
        thread->Frame.Rip -= InstructionSize;
        thread->Frame.Rax = thread->Frame.Vector;
        return CallResult.None;
    }

    /// <summary>
    /// Called when a signal handler is about to run between two parts. As on Linux, the call ends with what it has filled, since the
    /// handler may make such a call too.
    /// </summary>
    public static void EndBetweenParts(Thread* thread)
    {
        if (thread->Progress != 0)
        {
            thread->Frame.Rax = thread->Progress;
            thread->Frame.Rip += InstructionSize;
            thread->Progress = 0;
        }
    }
}
