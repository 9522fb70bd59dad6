using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Time;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>poll and ppoll.</summary>
internal static unsafe class PollCalls
{
    /// <param name="thread">The caller.</param>
    /// <param name="entries">Array of <see cref="pollfd"/>.</param>
    /// <param name="count">Its length.</param>
    /// <param name="milliseconds">The time limit; negative for none.</param>
    public static long Poll(Thread* thread, ulong entries, ulong count, int milliseconds) =>
        Wait(thread, entries, count, milliseconds < 0 ? ulong.MaxValue : Clock.After((ulong)milliseconds * 1_000_000));

    /// <summary>ppoll without a signal mask: the runtime never passes one.</summary>
    public static long PollUntil(Thread* thread, ulong entries, ulong count, ulong timeout)
    {
        ulong deadline = ulong.MaxValue;
        if (timeout != 0 && !thread->IsRetry)
        {
            long error = TimeSpec.Read(timeout, out ulong nanoseconds);
            if (error != 0)
            {
                return error;
            }

            deadline = Clock.After(nanoseconds);
        }

        return Wait(thread, entries, count, deadline);
    }

    private static long Wait(Thread* thread, ulong entries, ulong count, ulong deadline)
    {
        if (count > FileTable.Capacity)
        {
            return -Errno.EINVAL;
        }

        deadline = thread->IsRetry ? thread->Deadline : deadline;
        long ready = Evaluate(entries, count);
        if (ready != 0 || deadline <= Clock.Now())
        {
            return ready;
        }

        for (ulong i = 0; i < count; i++)
        {
            if (!TryJoin(thread, ((pollfd*)entries)[i].fd))
            {
                WaitQueue.LeaveAll(thread);
                return -Errno.ENOMEM;
            }
        }

        Scheduler.Block(thread, WaitKind.Poll, deadline, WaitEnd.Interruptible);
        return CallResult.None;
    }

    private static long Evaluate(ulong address, ulong count)
    {
        long error = ProgramMemory.PrepareWrite(address, count * (ulong)sizeof(pollfd));
        if (error < 0)
        {
            return error;
        }

        long ready = 0;
        pollfd* entries = (pollfd*)address;
        for (ulong i = 0; i < count; i++)
        {
            entries[i].revents = entries[i].fd < 0 ? (short)0 : State(entries[i].fd, entries[i].events);
            ready += entries[i].revents != 0 ? 1 : 0;
        }

        return ready;
    }

    /// <summary>Lets a thread that is about to block wait for changes of a descriptor's file.</summary>
    /// <returns>False if it cannot wait for another one.</returns>
    private static bool TryJoin(Thread* thread, int descriptor)
    {
        OpenFile* file = FileTable.Get(descriptor);
        WaitQueue* waiters = file == null ? null : FileTable.WaitersOf(file);
        return waiters == null || WaitQueue.Join(waiters, thread) != null;
    }

    /// <summary>
    /// The conditions that hold for a descriptor, out of <paramref name="wanted"/> and those that are always reported.
    /// </summary>
    private static short State(int descriptor, short wanted)
    {
        OpenFile* file = FileTable.Get(descriptor);
        return (short)(file == null ? PollEvents.POLLNVAL : FileReadiness.Of(file) & ((ushort)wanted | PollEvents.Always));
    }
}
