using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>getrandom and /dev/urandom.</summary>
internal static unsafe class RandomCalls
{
    /// <summary>As Linux: one call gives at most this much.</summary>
    private const ulong MaximumCount = 32 << 20;

    /// <summary>
    /// Bytes that are made at a time: interrupts are off for some tens of microseconds. Then the thread makes the same call again, which
    /// goes on where it stood; whatever
    /// waits comes in between.
    /// </summary>
    public const ulong PartSize = 16 << 10;

    // SYSCALL is two bytes long.
    private const ulong InstructionSize = 2;

    /// <summary>Fills a part of the caller's buffer, which need not be present.</summary>
    /// <returns>
    /// Bytes filled, once all are; before that <see cref="CallResult.None"/>, and the call begins anew. A negative errno when not even
    /// the first part can be.
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
    /// A signal handler is about to run between two parts: as on Linux the call ends with what it has, and the handler may make one of
    /// its own.
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
