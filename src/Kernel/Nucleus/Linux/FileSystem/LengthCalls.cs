using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>Positions and lengths: lseek, truncate, ftruncate, fallocate; and the calls that would reach a disk.</summary>
internal static unsafe class LengthCalls
{
    // linux/fs.h
    private const int SEEK_SET = 0;
    private const int SEEK_CUR = 1;
    private const int SEEK_END = 2;
    private const int SEEK_DATA = 3;
    private const int SEEK_HOLE = 4;

    private const uint FALLOC_FL_KEEP_SIZE = 1; // linux/falloc.h

    /// <summary>The pages that fallocate makes at a time.</summary>
    private const ulong PagesAtATime = NodeTransfers.PartSize / Pages.Size;

    public static long Seek(int descriptor, long offset, int whence)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (file->Kind is FileKind.Null or FileKind.Random)
        {
            return 0;
        }

        if (file->Kind is not (FileKind.Regular or FileKind.Directory or FileKind.Served))
        {
            return -Errno.ESPIPE;
        }

        long length = file->Kind == FileKind.Regular ? (long)file->Node->Length
            : file->Kind == FileKind.Served ? (long)file->Socket->Received.Count : 0;
        long from;
        switch (whence)
        {
            case SEEK_SET:
                from = 0;
                break;
            case SEEK_CUR:
                from = (long)file->Position;
                break;
            case SEEK_END when file->Kind != FileKind.Directory:
                from = length;
                break;
            case SEEK_DATA or SEEK_HOLE when file->Kind == FileKind.Regular:
                // A file may be all data, with a hole behind its end.
                return offset < 0 || offset >= length ? -Errno.ENXIO : Set(file, whence == SEEK_DATA ? offset : length);
            default:
                return -Errno.EINVAL;
        }

        bool overflows = offset > 0 && from > long.MaxValue - offset;
        return overflows ? -Errno.EOVERFLOW : from + offset < 0 ? -Errno.EINVAL : Set(file, from + offset);
    }

    public static long Truncate(ulong path, long length)
    {
        if (length < 0)
        {
            return -Errno.EINVAL;
        }

        long error = PathWalk.FindNode(PathWalk.AT_FDCWD, path, follows: true, out FileNode* node);
        if (error != 0)
        {
            return error;
        }

        return node->Kind == NodeKind.Directory ? -Errno.EISDIR
            : node->Kind != NodeKind.File ? -Errno.EINVAL
            : !node->IsWritable ? -Errno.EROFS
            : SetLength(node, length);
    }

    public static long TruncateOpen(int descriptor, long length)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        return length < 0 || file->Kind != FileKind.Regular || !NodeTransfers.Allows(file, writes: true)
            ? -Errno.EINVAL
            : SetLength(file->Node, length);
    }

    /// <summary>fallocate, which makes the pages of a range in parts. Of the modes there is FALLOC_FL_KEEP_SIZE.</summary>
    public static long Allocate(Thread* thread, int descriptor, uint mode, long offset, long length)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (offset < 0 || length <= 0)
        {
            return -Errno.EINVAL;
        }

        if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0)
        {
            return -Errno.EOPNOTSUPP;
        }

        if (file->Kind != FileKind.Regular || !NodeTransfers.Allows(file, writes: true))
        {
            return file->Kind is FileKind.PipeReader or FileKind.PipeWriter ? -Errno.ESPIPE
                : file->Kind == FileKind.Regular ? -Errno.EBADF : -Errno.ENODEV;
        }

        ulong end = (ulong)offset + (ulong)length;
        if (end > FilePages.MaximumLength)
        {
            return -Errno.EFBIG;
        }

        ulong made = 0;
        ulong missing = (Pages.RoundUp(end) - Pages.RoundDown((ulong)offset)) / Pages.Size;
        if (missing > FileRoom.Limit / Pages.Size)
        {
            // Also bounds the search for pages that are there already.
            return -Errno.ENOSPC;
        }

        for (ulong index = (ulong)offset / Pages.Size; index * Pages.Size < end; index++)
        {
            if (file->Node->Data.Pages.Find(index) != 0)
            {
                continue;
            }

            if (made == PagesAtATime)
            {
                return CallParts.Repeat(thread);
            }

            if (file->Node->Data.Pages.FindOrAdd(index) == 0)
            {
                return -Errno.ENOSPC;
            }

            made++;
        }

        if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && end > file->Node->Length)
        {
            NodeContent.SetLength(file->Node, end);
        }

        return 0;
    }

    /// <summary>fsync, fdatasync: memory is all there is.</summary>
    public static long Synchronise(int descriptor)
    {
        OpenFile* file = FileTable.Get(descriptor);
        return file == null ? -Errno.EBADF : file->Node == null ? -Errno.EINVAL : 0;
    }

    /// <summary>fadvise64: advice may be ignored.</summary>
    public static long Advise(int descriptor, long length, int advice)
    {
        const int last = 5; // POSIX_FADV_NOREUSE of linux/fadvise.h
        OpenFile* file = FileTable.Get(descriptor);
        return file == null ? -Errno.EBADF
            : file->Kind is FileKind.PipeReader or FileKind.PipeWriter ? -Errno.ESPIPE
            : length < 0 || advice is < 0 or > last ? -Errno.EINVAL : 0;
    }

    private static long SetLength(FileNode* node, long length)
    {
        if ((ulong)length > FilePages.MaximumLength)
        {
            return -Errno.EFBIG;
        }

        NodeContent.SetLength(node, (ulong)length);
        NodeEvents.Tell(node, NodeEvents.IN_MODIFY);
        return 0;
    }

    private static long Set(OpenFile* file, long position)
    {
        file->Position = (ulong)position;
        return position;
    }
}
