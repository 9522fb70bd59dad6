using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>The table of file descriptors.</summary>
internal static unsafe class FileTable
{
    /// <summary>The maximum number of open descriptors.</summary>
    public const int Capacity = 64;

    // asm-generic/fcntl.h
    public const uint O_ACCMODE = 3;
    public const uint O_WRONLY = 1;
    public const uint O_RDWR = 2;
    public const uint O_CREAT = 0x40;
    public const uint O_NONBLOCK = 0x800;

    private static Table s_table;

    /// <summary>Opens the console as descriptors 0, 1 and 2.</summary>
    public static void Initialise()
    {
        for (int descriptor = 0; descriptor < 3; descriptor++)
        {
            At(descriptor)->Kind = FileKind.Console;
            At(descriptor)->Flags = O_RDWR;
        }
    }

    public static bool IsOpen(int descriptor) => Get(descriptor) != null;

    /// <summary>The open file of a descriptor, or null.</summary>
    public static OpenFile* Get(int descriptor) =>
        (uint)descriptor < Capacity && At(descriptor)->Kind != FileKind.Closed ? At(descriptor) : null;

    /// <summary>Opens a file at the lowest free descriptor. Returns -EMFILE if there is none.</summary>
    public static long Open(FileKind kind, uint flags, Pipe* pipe)
    {
        long descriptor = FindFree(0);
        if (descriptor >= 0)
        {
            OpenFile* file = At((int)descriptor);
            file->Kind = kind;
            file->Flags = flags;
            file->Pipe = pipe;
            file->Position = 0;
            file->EventPoll = null;
        }

        return descriptor;
    }

    public static long Close(int descriptor)
    {
        OpenFile* file = Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        FileKind kind = file->Kind;
        file->Kind = FileKind.Closed;
        if (kind is FileKind.PipeReader or FileKind.PipeWriter)
        {
            Pipes.Release(file->Pipe, kind);
        }
        else if (kind == FileKind.EventPoll)
        {
            EventPolls.Release(file->EventPoll);
        }

        else if (kind == FileKind.Console)
        {
            WaitQueue.WakeAll(ConsoleDevice.Waiters);
        }

        EventPolls.Forget(descriptor);
        return 0;
    }

    /// <summary>
    /// dup and F_DUPFD: uses the lowest free descriptor from <paramref name="lowest"/> on.
    /// </summary>
    public static long Duplicate(int descriptor, int lowest)
    {
        OpenFile* file = Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long copy = FindFree(lowest);
        if (copy >= 0)
        {
            CopyTo(file, (int)copy);
        }

        return copy;
    }

    /// <summary>dup3: closes the target's previous file. As on Linux, equal descriptors are checked first.</summary>
    public static long DuplicateTo(int descriptor, int target)
    {
        if (descriptor == target)
        {
            return -Errno.EINVAL;
        }

        OpenFile* file = Get(descriptor);
        if (file == null || (uint)target >= Capacity)
        {
            return -Errno.EBADF;
        }

        _ = Close(target);
        CopyTo(file, target);
        return target;
    }

    /// <summary>The threads that wait for a change of an open file, or null if it never changes.</summary>
    public static WaitQueue* WaitersOf(OpenFile* file) => file->Kind switch
    {
        FileKind.Console => ConsoleDevice.Waiters,
        FileKind.PipeReader or FileKind.PipeWriter => &file->Pipe->Waiters,
        FileKind.EventPoll => &file->EventPoll->Waiters,
        _ => null,
    };

    private static void CopyTo(OpenFile* file, int descriptor)
    {
        *At(descriptor) = *file;
        if (file->Pipe != null)
        {
            Pipes.AddReference(file->Pipe, file->Kind);
        }
        else if (file->EventPoll != null)
        {
            file->EventPoll->References++;
        }
    }

    private static long FindFree(int lowest)
    {
        for (int descriptor = Math.Max(lowest, 0); descriptor < Capacity; descriptor++)
        {
            if (At(descriptor)->Kind == FileKind.Closed)
            {
                return descriptor;
            }
        }

        return -Errno.EMFILE;
    }

    private static OpenFile* At(int descriptor) => (OpenFile*)Unsafe.AsPointer(ref s_table) + descriptor;

    [InlineArray(Capacity)]
    private struct Table
    {
        private OpenFile _first;
    }
}
