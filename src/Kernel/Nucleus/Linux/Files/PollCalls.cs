using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
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
    // asm-generic/poll.h
    private const short POLLIN = 1;
    private const short POLLOUT = 4;
    private const short POLLERR = 8;
    private const short POLLHUP = 16;
    private const short POLLNVAL = 32;

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
    public static bool TryJoin(Thread* thread, int descriptor)
    {
        OpenFile* file = FileTable.Get(descriptor);
        WaitQueue* waiters = file == null ? null : FileTable.WaitersOf(file);
        return waiters == null || WaitQueue.Join(waiters, thread) != null;
    }

    /// <summary>
    /// The conditions that hold for a descriptor, out of <paramref name="wanted"/> and those that are always reported.
    /// </summary>
    public static short State(int descriptor, int wanted)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return POLLNVAL;
        }

        switch (file->Kind)
        {
            case FileKind.Console:
                return (short)(wanted & ((ConsoleDevice.CanRead ? POLLIN : 0) | (ConsoleDevice.CanWrite ? POLLOUT : 0)));
            case FileKind.PipeReader:
                int readable = wanted & (Pipes.CanRead(file->Pipe) ? POLLIN : 0);
                return (short)(readable | (file->Pipe->Writers == 0 ? POLLHUP : 0));
            case FileKind.PipeWriter:
                int writable = wanted & (Pipes.CanWrite(file->Pipe) ? POLLOUT : 0);
                return (short)(writable | (file->Pipe->Readers == 0 ? POLLERR : 0));
            default:
                return (short)(wanted & (POLLIN | POLLOUT));
        }
    }
}
