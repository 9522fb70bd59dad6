using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>read, write and their relatives, on regular files.</summary>
internal static unsafe class NodeTransfers
{
    /// <summary>The bytes that are copied at a time, which keeps interrupts off for some tens of microseconds.</summary>
    public const ulong PartSize = 256 << 10;

    /// <summary>read and write, where the last one ended.</summary>
    public static long AtPosition(Thread* thread, OpenFile* file, ulong buffer, ulong count, bool writes)
    {
        if (writes && (file->Flags & FileTable.O_APPEND) != 0)
        {
            file->Position = file->Node->Length;
        }

        ulong before = CallParts.IsContinued(thread) ? thread->Progress : 0;
        long result = Transfer(thread, file, buffer, count, file->Position - before, writes);
        ulong after = result == CallResult.None ? thread->Progress : result > 0 ? (ulong)result : before;
        file->Position += after - before;
        return result;
    }

    /// <summary>pread64 and pwrite64.</summary>
    public static long At(Thread* thread, int descriptor, ulong buffer, ulong count, long position, bool writes)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file != null && file->Kind == FileKind.Served && !writes && position >= 0)
        {
            return ServedFiles.ReadAt(file, buffer, count, (ulong)position);
        }

        long error = Check(file, writes);
        if (position < 0 || error != 0)
        {
            return position < 0 ? -Errno.EINVAL : error;
        }

        bool appends = writes && (file->Flags & FileTable.O_APPEND) != 0;
        ulong start = appends ? file->Node->Length - (CallParts.IsContinued(thread) ? thread->Progress : 0) : (ulong)position;
        return Transfer(thread, file, buffer, Math.Min(count, FileCalls.MAX_RW_COUNT), start, writes);
    }

    /// <summary>readv, writev, preadv and pwritev: all buffers, as far as one part goes.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="vectors">Array of <see cref="iovec"/>.</param>
    /// <param name="count">Its length.</param>
    /// <param name="position">Where; negative for where the last call ended.</param>
    /// <param name="writes">Whether the buffers are written to the file.</param>
    public static long Vectors(OpenFile* file, ulong vectors, ulong count, long position, bool writes)
    {
        long error = Check(file, writes);
        error = error != 0 ? error : count > FileCalls.UIO_MAXIOV ? -Errno.EINVAL : 0;
        error = error != 0 ? error : ProgramMemory.PrepareRead(vectors, count * (ulong)sizeof(iovec));
        if (error != 0)
        {
            return error;
        }

        bool appends = writes && (file->Flags & FileTable.O_APPEND) != 0;
        ulong start = appends ? file->Node->Length : position < 0 ? file->Position : (ulong)position;
        ulong done = 0;
        for (ulong i = 0; i < count && done < PartSize; i++)
        {
            iovec vector = ((iovec*)vectors)[i];
            ulong wanted = Math.Min(vector.iov_len, PartSize - done);
            long moved = Move(file->Node, vector.iov_base, wanted, start + done, writes);
            if (moved < 0)
            {
                error = moved;
                break;
            }

            done += (ulong)moved;
            if ((ulong)moved < wanted)
            {
                break;
            }
        }

        if (position < 0)
        {
            file->Position = start + done;
        }

        return done > 0 ? (long)done : error;
    }

    /// <summary>preadv and pwritev.</summary>
    public static long VectorsAt(int descriptor, ulong vectors, ulong count, long position, bool writes) =>
        position < 0 ? -Errno.EINVAL : Vectors(FileTable.Get(descriptor), vectors, count, position, writes);

    /// <summary>Whether a file can be read or written at a position.</summary>
    private static long Check(OpenFile* file, bool writes)
    {
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (file->Kind == FileKind.Directory)
        {
            return writes ? -Errno.EBADF : -Errno.EISDIR;
        }

        return file->Kind != FileKind.Regular ? -Errno.ESPIPE : Allows(file, writes) ? 0 : -Errno.EBADF;
    }

    /// <summary>Whether the file was opened for this.</summary>
    public static bool Allows(OpenFile* file, bool writes)
    {
        uint access = file->Flags & FileTable.O_ACCMODE;
        return access == FileTable.O_RDWR || access == (writes ? FileTable.O_WRONLY : 0);
    }

    private static long Transfer(Thread* thread, OpenFile* file, ulong buffer, ulong count, ulong position, bool writes)
    {
        bool isContinued = CallParts.IsContinued(thread);
        ulong done = isContinued ? Math.Min(thread->Progress, count) : 0;
        thread->Progress = 0;
        if (isContinued && thread->PartSubject != file)
        {
            // Another thread gave the descriptor to another file.
            return (long)done;
        }

        ulong part = Math.Min(count - done, PartSize);
        long moved = Move(file->Node, buffer + done, part, position + done, writes);
        if (moved < 0)
        {
            return done > 0 ? (long)done : moved;
        }

        done += (ulong)moved;
        return (ulong)moved < part || done == count ? (long)done : CallParts.Continue(thread, file, done);
    }

    private static long Move(FileNode* node, ulong buffer, ulong count, ulong position, bool writes)
    {
        ulong length = node->ReadableLength;
        ulong left = position < length ? length - position : 0;
        count = writes ? count : Math.Min(count, left);
        long error = writes ? ProgramMemory.PrepareRead(buffer, count) : ProgramMemory.PrepareWrite(buffer, count);
        if (error < 0)
        {
            return error;
        }

        if (!writes)
        {
            return (long)NodeContent.Read(node, position, (byte*)buffer, count);
        }

        long written = NodeContent.Write(node, position, (byte*)buffer, count);
        if (written > 0)
        {
            NodeEvents.Tell(node, NodeEvents.IN_MODIFY);
        }

        return written;
    }
}
