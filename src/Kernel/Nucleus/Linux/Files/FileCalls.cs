using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>read, write and the other calls on an open file.</summary>
internal static unsafe class FileCalls
{
    private const int F_DUPFD = 0;
    private const int F_GETFD = 1;
    private const int F_SETFD = 2;
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;
    private const int F_GETLK = 5;
    private const int F_SETLK = 6;
    private const int F_SETLKW = 7;
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int FD_CLOEXEC = 1;

    /// <summary>UIO_MAXIOV of linux/uio.h: the most buffers of one call.</summary>
    public const ulong UIO_MAXIOV = 1024;

    /// <summary>MAX_RW_COUNT of linux/fs.h: the most that one call reads or writes.</summary>
    public const ulong MAX_RW_COUNT = int.MaxValue & ~(Pages.Size - 1);

    public static long Read(Thread* thread, int descriptor, ulong buffer, ulong count)
    {
        if (CallParts.IsContinued(thread) && thread->PartSubject == null)
        {
            // As on Linux, the call keeps the file that it began with, whatever another thread does to the descriptor.
            return RandomCalls.Get(thread, buffer, count);
        }

        if (IsLostBetweenParts(thread, descriptor))
        {
            return EndBetweenParts(thread);
        }

        if (IsSocket(descriptor))
        {
            // As on Linux, a read of nothing does not look at the socket.
            return count == 0 ? 0 : SocketTransfers.Receive(thread, descriptor, buffer, count, 0, 0, 0);
        }

        count = Math.Min(count, MAX_RW_COUNT);
        long result = TryRead(thread, descriptor, buffer, count);
        if (result != -Errno.EAGAIN || FileTable.Get(descriptor)->IsNonBlocking)
        {
            return result;
        }

        WaitQueue.Join(FileTable.WaitersOf(FileTable.Get(descriptor)), thread);
        Scheduler.Block(thread, WaitKind.FileRead, ulong.MaxValue, WaitEnd.Restartable);
        return CallResult.None;
    }

    /// <summary>Writes everything. If there is no room, only the calling thread waits for it.</summary>
    public static long Write(Thread* thread, int descriptor, ulong buffer, ulong count)
    {
        if (IsLostBetweenParts(thread, descriptor))
        {
            return EndBetweenParts(thread);
        }

        if (IsSocket(descriptor))
        {
            return SocketTransfers.Send(thread, descriptor, buffer, count, 0, 0, 0);
        }

        count = Math.Min(count, MAX_RW_COUNT);
        OpenFile* file = FileTable.Get(descriptor);
        if (file != null && file->Kind == FileKind.Regular)
        {
            return NodeTransfers.Allows(file, writes: true)
                ? NodeTransfers.AtPosition(thread, file, buffer, count, writes: true)
                : -Errno.EBADF;
        }

        ulong done = Math.Min(thread->Progress, count);
        thread->Progress = 0;
        long result = TryWrite(descriptor, buffer + done, count - done);
        if (result == -Errno.EPIPE)
        {
            SignalDelivery.SendToThread(thread, SignalNumber.SIGPIPE);
        }

        done += (ulong)Math.Max(result, 0);
        bool isPartial = result == -Errno.EAGAIN || (result >= 0 && done < count);
        if (!isPartial || FileTable.Get(descriptor)->IsNonBlocking)
        {
            return done > 0 ? (long)done : result;
        }

        thread->Progress = done;
        WaitQueue.Join(FileTable.WaitersOf(FileTable.Get(descriptor)), thread);
        Scheduler.Block(
            thread,
            WaitKind.FileWrite,
            ulong.MaxValue,
            done > 0 ? new WaitEnd { OnSignal = (long)done } : WaitEnd.Restartable);
        return CallResult.None;
    }

    /// <summary>
    /// readv: fills the first vector that is not empty, or all of them from a socket or a file. A read may always be short.
    /// </summary>
    public static long ReadVector(Thread* thread, int descriptor, ulong vectors, ulong count)
    {
        bool isContinued = CallParts.IsContinued(thread);
        if (!isContinued && IsSocket(descriptor))
        {
            return SocketTransfers.ReceiveVector(thread, descriptor, vectors, count);
        }

        OpenFile* file = FileTable.Get(descriptor);
        if (!isContinued && file != null && file->Kind == FileKind.Regular)
        {
            return NodeTransfers.Vectors(file, vectors, count, position: -1, writes: false);
        }

        long error = FirstVector(vectors, count, out iovec first);
        return error != 0 ? error : Read(thread, descriptor, first.iov_base, first.iov_len);
    }

    /// <summary>
    /// writev: writes the first vector that is not empty, and all of them to a socket or a file. The caller continues with the rest.
    /// </summary>
    public static long WriteVector(Thread* thread, int descriptor, ulong vectors, ulong count)
    {
        if (IsSocket(descriptor))
        {
            return SocketTransfers.SendVector(thread, descriptor, vectors, count);
        }

        OpenFile* file = FileTable.Get(descriptor);
        if (file != null && file->Kind == FileKind.Regular)
        {
            return NodeTransfers.Vectors(file, vectors, count, position: -1, writes: true);
        }

        long error = FirstVector(vectors, count, out iovec first);
        return error != 0 ? error : Write(thread, descriptor, first.iov_base, first.iov_len);
    }

    public static long Status(int descriptor, ulong address)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (file->Node != null)
        {
            return NodeStatus.Write(address, file->Node);
        }

        return file->Kind switch
        {
            FileKind.PipeReader or FileKind.PipeWriter => FileStatus.Write(address, FileStatus.S_IFIFO | FileStatus.ReadWriteForAll),
            FileKind.Served => ServedFiles.WriteStatus(file->Socket, address),
            FileKind.Socket => FileStatus.WriteSocket(address, file->Socket->Handle >> 32),
            _ => FileStatus.Write(address, FileStatus.S_IFCHR | FileStatus.ReadWriteForAll),
        };
    }

    public static long Control(int descriptor, int command, ulong argument)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        switch (command)
        {
            case F_DUPFD:
            case F_DUPFD_CLOEXEC:
                return argument < FileTable.Capacity ? FileTable.Duplicate(descriptor, (int)argument) : -Errno.EINVAL;
            case F_GETFD:
                return FD_CLOEXEC;
            case F_SETFD:
                // There is no exec, so whether a descriptor survives one makes no difference.
                return 0;
            case F_GETFL:
                return file->Flags;
            case F_SETFL:
                const uint changeable = FileTable.O_NONBLOCK | FileTable.O_APPEND;
                file->Flags = (file->Flags & ~changeable) | ((uint)argument & changeable);
                return 0;
            case F_GETLK:
                return FileLocks.Ask(file, argument);
            case F_SETLK:
            case F_SETLKW:
                return FileLocks.Set(file, argument);
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>Whether a call that is made in parts finds another file, or none, under its descriptor.</summary>
    private static bool IsLostBetweenParts(Thread* thread, int descriptor) =>
        CallParts.IsContinued(thread) && FileTable.Get(descriptor) != thread->PartSubject;

    private static long EndBetweenParts(Thread* thread)
    {
        ulong done = thread->Progress;
        thread->Progress = 0;
        return (long)done;
    }

    private static bool IsSocket(int descriptor)
    {
        OpenFile* file = FileTable.Get(descriptor);
        return file != null && file->Kind == FileKind.Socket;
    }

    private static long TryRead(Thread* thread, int descriptor, ulong buffer, ulong count)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null || file->Kind == FileKind.PipeWriter)
        {
            return -Errno.EBADF;
        }

        if (file->Kind == FileKind.Random)
        {
            return RandomCalls.Get(thread, buffer, count);
        }

        if (file->Kind == FileKind.Regular)
        {
            return NodeTransfers.Allows(file, writes: false)
                ? NodeTransfers.AtPosition(thread, file, buffer, count, writes: false)
                : -Errno.EBADF;
        }

        long error = ProgramMemory.PrepareWrite(buffer, count);
        if (error < 0)
        {
            return error;
        }

        switch (file->Kind)
        {
            case FileKind.Console:
                return count == 0 ? 0 : ConsoleDevice.Read((byte*)buffer, count);
            case FileKind.Served:
                return ServedFiles.Read(file, (byte*)buffer, count);
            case FileKind.Directory:
                return -Errno.EISDIR;
            case FileKind.EventPoll:
                return -Errno.EINVAL;
            case FileKind.PipeReader:
                return count == 0 ? 0 : Pipes.Read(file->Pipe, (byte*)buffer, count);
            case FileKind.EventCounter:
                return EventCounters.Read(file, (byte*)buffer, count);
            case FileKind.Inotify:
                return Inotify.Read(file, (byte*)buffer, count);
            default:
                return 0;
        }
    }

    private static long TryWrite(int descriptor, ulong buffer, ulong count)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null || file->Kind == FileKind.PipeReader)
        {
            return -Errno.EBADF;
        }

        if (file->Kind == FileKind.Null)
        {
            // The data is not read and need not be present: a write of gigabytes must not page them in.
            return (long)count;
        }

        long error = ProgramMemory.PrepareRead(buffer, count);
        if (error < 0)
        {
            return error;
        }

        switch (file->Kind)
        {
            case FileKind.Console:
                ulong written = ConsoleDevice.Write((byte*)buffer, count);
                return written == 0 && count > 0 ? -Errno.EAGAIN : (long)written;
            case FileKind.PipeWriter:
                return count == 0 ? 0 : Pipes.Write(file->Pipe, (byte*)buffer, count);
            case FileKind.EventCounter:
                return EventCounters.Write(file, (byte*)buffer, count);
            case FileKind.Directory:
            case FileKind.Inotify:
            case FileKind.Served:
                return -Errno.EBADF;
            case FileKind.EventPoll:
                return -Errno.EINVAL;
            default:
                return (long)count;
        }
    }

    private static long FirstVector(ulong vectors, ulong count, out iovec first)
    {
        first = default;
        if (count > UIO_MAXIOV)
        {
            return -Errno.EINVAL;
        }

        long error = ProgramMemory.PrepareRead(vectors, count * (ulong)sizeof(iovec));
        if (error < 0)
        {
            return error;
        }

        for (ulong i = 0; i < count && first.iov_len == 0; i++)
        {
            first = ((iovec*)vectors)[i];
        }

        return 0;
    }
}
