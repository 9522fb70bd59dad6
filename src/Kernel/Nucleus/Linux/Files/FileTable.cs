using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>Open files and their descriptors.</summary>
internal static unsafe class FileTable
{
    /// <summary>The maximum number of open descriptors.</summary>
    public const int Capacity = DescriptorTable.Capacity;

    // asm-generic/fcntl.h
    public const uint O_ACCMODE = 3;
    public const uint O_WRONLY = 1;
    public const uint O_RDWR = 2;
    public const uint O_CREAT = 0x40;
    public const uint O_APPEND = 0x400;
    public const uint O_NONBLOCK = 0x800;

    private const int Consoles = 3;

    private static ConsoleFiles s_consoles;
    private static Slab s_files;

    /// <summary>Opens the console as descriptors 0, 1 and 2.</summary>
    public static void Initialise()
    {
        for (int descriptor = 0; descriptor < Consoles; descriptor++)
        {
            OpenFile* file = Console(descriptor);
            file->Kind = FileKind.Console;
            file->Flags = O_RDWR;
            file->References = 1;
            _ = DescriptorTable.TryPut(descriptor, file);
        }
    }

    public static bool IsOpen(int descriptor) => Get(descriptor) != null;

    /// <summary>The open file of a descriptor, or null.</summary>
    public static OpenFile* Get(int descriptor) => DescriptorTable.Get(descriptor);

    /// <summary>
    /// Opens a file at the lowest free descriptor. Returns -EMFILE if there is none, -ENOMEM if there is no memory. The caller keeps
    /// <paramref name="thing"/> then.
    /// </summary>
    public static long Open(FileKind kind, uint flags, void* thing)
    {
        if (!s_files.TryReserve(1, sizeof(OpenFile)))
        {
            return -Errno.ENOMEM;
        }

        OpenFile* file = (OpenFile*)s_files.Take(sizeof(OpenFile));
        file->Kind = kind;
        file->Flags = flags;
        file->Thing = thing;
        file->References = 1;
        long descriptor = DescriptorTable.Add(file, 0);
        if (descriptor < 0)
        {
            s_files.Return(file, sizeof(OpenFile), spare: 0);
        }

        return descriptor;
    }

    /// <summary>Undoes <see cref="Open"/> without telling the thing.</summary>
    public static void Withdraw(int descriptor)
    {
        OpenFile* file = Get(descriptor);
        DescriptorTable.Remove(descriptor);
        s_files.Return(file, sizeof(OpenFile), spare: 0);
    }

    /// <summary>Closes a descriptor. A socket with SO_LINGER may have the caller wait.</summary>
    public static long Close(Thread* thread, int descriptor)
    {
        OpenFile* file = Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        DescriptorTable.Remove(descriptor);
        return Drop(thread, file);
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

        long copy = DescriptorTable.Add(file, lowest);
        if (copy >= 0)
        {
            file->References++;
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

        OpenFile* previous = Get(target);
        if (!DescriptorTable.TryPut(target, file))
        {
            return -Errno.ENOMEM;
        }

        file->References++;
        if (previous != null)
        {
            _ = Drop(null, previous);
        }

        return target;
    }

    /// <summary>The threads that wait for a change of an open file, or null if it never changes.</summary>
    public static WaitQueue* WaitersOf(OpenFile* file) => file->Kind switch
    {
        FileKind.Console => ConsoleDevice.Waiters,
        FileKind.PipeReader or FileKind.PipeWriter => &file->Pipe->Waiters,
        FileKind.EventPoll or FileKind.EventCounter or FileKind.Socket or FileKind.Inotify => &file->Waiters,
        _ => null,
    };

    /// <summary>A descriptor of the file has gone.</summary>
    /// <param name="closer">The thread that closes, and may have to wait; null for one that does not.</param>
    /// <param name="file">The file.</param>
    private static long Drop(Thread* closer, OpenFile* file)
    {
        file->References--;

        // Threads that wait for the closed descriptor make their calls again and find it closed, so nobody waits for a freed file.
        WaitQueue* waiters = WaitersOf(file);
        if (waiters != null)
        {
            WaitQueue.WakeAll(waiters);
        }

        return file->References == 0 ? Release(closer, file) : 0;
    }

    /// <summary>The last descriptor of the file was closed.</summary>
    private static long Release(Thread* closer, OpenFile* file)
    {
        long result = 0;
        EventPolls.Forget(file);
        if (file->Kind is FileKind.PipeReader or FileKind.PipeWriter)
        {
            Pipes.Release(file->Pipe, file->Kind);
        }
        else if (file->Kind == FileKind.EventPoll)
        {
            EventPolls.Release(file->EventPoll);
        }
        else if (file->Kind == FileKind.Socket)
        {
            result = SocketLife.Close(closer, file->Socket);
        }
        else if (file->Kind == FileKind.Served)
        {
            SocketLife.Release(file->Socket);
        }
        else if (file->Kind == FileKind.Inotify)
        {
            Inotify.Release(file->Watching);
        }
        else if (file->Node != null)
        {
            FileClose.Release(file);
        }

        if (file >= Console(0) && file < Console(Consoles))
        {
            file->Kind = FileKind.Closed;
            return result;
        }

        s_files.Return(file, sizeof(OpenFile), spare: 0);
        return result;
    }

    private static OpenFile* Console(int index) => (OpenFile*)Unsafe.AsPointer(ref s_consoles) + index;

    [InlineArray(Consoles)]
    private struct ConsoleFiles
    {
        private OpenFile _first;
    }
}
