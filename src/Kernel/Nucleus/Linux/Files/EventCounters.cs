using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>eventfd2: a counter that is written by adding to it, and read by taking it. EFD_SEMAPHORE is refused.</summary>
internal static unsafe class EventCounters
{
    // linux/eventfd.h
    private const uint EFD_CLOEXEC = 0x80000;

    private const ulong Maximum = ulong.MaxValue - 1;

    public static long Create(uint initial, uint flags)
    {
        if ((flags & ~(EFD_CLOEXEC | FileTable.O_NONBLOCK)) != 0)
        {
            return -Errno.EINVAL;
        }

        long descriptor = FileTable.Open(FileKind.EventCounter, FileTable.O_RDWR | (flags & FileTable.O_NONBLOCK), null);
        if (descriptor >= 0)
        {
            FileTable.Get((int)descriptor)->Position = initial;
        }

        return descriptor;
    }

    public static uint Readiness(OpenFile* file) =>
        (file->Position > 0 ? PollEvents.EPOLLIN : 0) | (file->Position < Maximum ? PollEvents.EPOLLOUT : 0);

    /// <returns>8; -EAGAIN while the counter is 0.</returns>
    public static long Read(OpenFile* file, byte* buffer, ulong count)
    {
        if (count < sizeof(ulong))
        {
            return -Errno.EINVAL;
        }

        if (file->Position == 0)
        {
            return -Errno.EAGAIN;
        }

        *(ulong*)buffer = file->Position;
        file->Position = 0;
        Changed(file, PollEvents.EPOLLOUT);
        return sizeof(ulong);
    }

    /// <returns>8; -EAGAIN while the sum would be too large.</returns>
    public static long Write(OpenFile* file, byte* buffer, ulong count)
    {
        if (count < sizeof(ulong))
        {
            return -Errno.EINVAL;
        }

        ulong added = *(ulong*)buffer;
        if (added > Maximum)
        {
            return -Errno.EINVAL;
        }

        if (added > Maximum - file->Position)
        {
            return -Errno.EAGAIN;
        }

        file->Position += added;
        Changed(file, PollEvents.EPOLLIN);
        return sizeof(ulong);
    }

    private static void Changed(OpenFile* file, uint events)
    {
        WaitQueue.WakeAll(&file->Waiters);
        EventPolls.Notify(file, events);
    }
}
