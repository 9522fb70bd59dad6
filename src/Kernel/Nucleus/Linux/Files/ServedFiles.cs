using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>
/// Files that the TCP/IP stack answers for (docs/sockets.md). The content is asked for when a file is opened, and stays what it was then.
/// </summary>
internal static unsafe class ServedFiles
{
    /// <summary>Whether the stack is asked about a path in the program's memory.</summary>
    public static bool Has(Thread* thread, ulong path, out ulong length)
    {
        length = 0;
        if (thread->IsRetry)
        {
            // Only the stack's files are waited for: the answer has come, whatever the path's bytes or the stack are now.
            return true;
        }

        long found = StackRequests.IsServed ? ProgramMemory.StringLength(path, PathWalk.PATH_MAX) : 0;
        length = (ulong)Math.Max(found, 0);
        return found > 0 && IsServed(new ReadOnlySpan<byte>((byte*)path, (int)length));
    }

    public static long Open(Thread* thread, byte* path, ulong length, uint flags)
    {
        long error = StackQueries.Ask(thread, SocketCall.ReadFile, 0, path, length, out Socket* content);
        if (error != 0)
        {
            return error;
        }

        long descriptor = (flags & FileTable.O_ACCMODE) == 0 ? FileTable.Open(FileKind.Served, flags, content) : -Errno.EROFS;
        if (descriptor < 0)
        {
            SocketLife.Release(content);
        }

        return descriptor;
    }

    public static long Status(Thread* thread, byte* path, ulong length, ulong address)
    {
        long error = StackQueries.Ask(thread, SocketCall.ReadFile, 0, path, length, out Socket* content);
        if (error == 0)
        {
            error = WriteStatus(content, address);
            SocketLife.Release(content);
        }

        return error;
    }

    /// <summary>Whether there is such a file. All of them can be read, and none written.</summary>
    public static long Access(Thread* thread, byte* path, ulong length, bool isToWrite)
    {
        long error = StackQueries.Ask(thread, SocketCall.ReadFile, 0, path, length, out Socket* content);
        if (error == 0)
        {
            SocketLife.Release(content);
            error = isToWrite ? -Errno.EROFS : 0;
        }

        return error;
    }

    public static long WriteStatus(Socket* content, ulong address) =>
        FileStatus.WriteRegular(address, content->Received.Count, content->Call->ModifiedAt);

    /// <summary>Reads from where the last read has ended, into memory that may be written.</summary>
    public static long Read(OpenFile* file, byte* buffer, ulong count)
    {
        ulong part = Copy(file, file->Position, buffer, count);
        file->Position += part;
        return (long)part;
    }

    /// <summary>pread64.</summary>
    public static long ReadAt(OpenFile* file, ulong buffer, ulong count, ulong position)
    {
        count = Math.Min(count, FileCalls.MAX_RW_COUNT);
        long error = ProgramMemory.PrepareWrite(buffer, count);
        return error < 0 ? error : (long)Copy(file, position, (byte*)buffer, count);
    }

    /// <summary>Copies bytes from a position on, as far as there are any.</summary>
    public static ulong Copy(OpenFile* file, ulong position, byte* buffer, ulong count)
    {
        ulong length = file->Socket->Received.Count;
        ulong part = position < length ? Math.Min(count, length - position) : 0;
        ByteQueue.Copy(&file->Socket->Received, position, buffer, part);
        return part;
    }

    /// <summary>Whether a path is one that the stack may have a file for.</summary>
    private static bool IsServed(ReadOnlySpan<byte> path) =>
        Bytes.AreEqual(path, "/etc/hosts"u8) || Bytes.AreEqual(path, "/etc/resolv.conf"u8)
        || Bytes.StartsWith(path, "/proc/net/"u8) || Bytes.StartsWith(path, "/sys/class/net/"u8)
        || (Bytes.StartsWith(path, "/proc/sys/net/"u8) && !IsDirectory(path));

    /// <summary>The directories in /proc/sys/net that <see cref="KnownFiles"/> makes: .NET opens the lower two.</summary>
    private static bool IsDirectory(ReadOnlySpan<byte> path) =>
        Bytes.AreEqual(path, "/proc/sys/net/ipv4"u8) || Bytes.AreEqual(path, "/proc/sys/net/ipv4/conf"u8)
        || Bytes.AreEqual(path, "/proc/sys/net/ipv6"u8) || Bytes.AreEqual(path, "/proc/sys/net/ipv6/conf"u8);
}
