using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
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

    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short ReturnedEvents;
    }

    /// <param name="thread">The caller.</param>
    /// <param name="entries">Array of struct pollfd.</param>
    /// <param name="count">Its length.</param>
    /// <param name="milliseconds">Negative for no limit.</param>
    public static long Poll(Thread* thread, ulong entries, ulong count, int milliseconds) =>
        Wait(thread, entries, count, milliseconds < 0 ? ulong.MaxValue : Clock.After((ulong)milliseconds * 1_000_000));

    /// <summary>ppoll, without a signal mask of its own: the runtime gives none.</summary>
    public static long PollUntil(Thread* thread, ulong entries, ulong count, ulong timeout)
    {
        ulong deadline = ulong.MaxValue;
        if (timeout != 0)
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

    /// <summary>A parked caller looks again.</summary>
    public static void Retry(Thread* thread)
    {
        long ready = Evaluate(thread->WaitAddress, thread->WaitCount);
        if (ready != 0)
        {
            Scheduler.Wake(thread, ready, urgent: true);
        }
    }

    private static long Wait(Thread* thread, ulong entries, ulong count, ulong deadline)
    {
        if (count > FileTable.Capacity)
        {
            return -Errno.EINVAL;
        }

        long ready = Evaluate(entries, count);
        if (ready != 0 || deadline <= Clock.Now())
        {
            return ready;
        }

        thread->WaitAddress = entries;
        thread->WaitCount = count;
        Scheduler.Block(WaitKind.Poll, null, deadline, restartable: false);
        return CallResult.None;
    }

    private static long Evaluate(ulong address, ulong count)
    {
        long error = ProgramMemory.PrepareWrite(address, count * (ulong)sizeof(PollEntry));
        if (error < 0)
        {
            return error;
        }

        long ready = 0;
        var entries = (PollEntry*)address;
        for (ulong i = 0; i < count; i++)
        {
            entries[i].ReturnedEvents = entries[i].Descriptor < 0 ? (short)0 : State(entries[i].Descriptor, entries[i].Events);
            ready += entries[i].ReturnedEvents != 0 ? 1 : 0;
        }

        return ready;
    }

    /// <summary>What a descriptor is ready for, of <paramref name="wanted"/> and of the conditions that are always told.</summary>
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
