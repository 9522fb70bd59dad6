using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>Calls that ask about what a path names.</summary>
internal static unsafe class PathCalls
{
    // linux/fcntl.h
    public const uint AT_SYMLINK_NOFOLLOW = 0x100;
    public const uint AT_EMPTY_PATH = 0x1000;

    public static long Status(Thread* thread, int at, ulong path, ulong address, bool follows)
    {
        if (ServedFiles.Has(thread, path, out ulong length))
        {
            return ServedFiles.Status(thread, (byte*)path, length, address);
        }

        long error = PathWalk.FindNode(at, path, follows, out FileNode* node);
        return error != 0 ? error : NodeStatus.Write(address, node);
    }

    public static long StatusAt(Thread* thread, int at, ulong path, ulong address, uint flags) =>
        IsEmpty(path, flags) && at != PathWalk.AT_FDCWD && !thread->IsRetry
            ? FileCalls.Status(at, address)
            : Status(thread, at, path, address, follows: (flags & AT_SYMLINK_NOFOLLOW) == 0);

    /// <summary>statx. All that is known is told, whatever the mask asks for.</summary>
    public static long ExtendedStatus(int at, ulong path, uint flags, ulong address)
    {
        if (IsEmpty(path, flags) && at != PathWalk.AT_FDCWD)
        {
            OpenFile* file = FileTable.Get(at);
            return file == null ? -Errno.EBADF : file->Node == null ? -Errno.EINVAL : NodeStatus.WriteExtended(address, file->Node);
        }

        long error = PathWalk.FindNode(at, path, follows: (flags & AT_SYMLINK_NOFOLLOW) == 0, out FileNode* node);
        return error != 0 ? error : NodeStatus.WriteExtended(address, node);
    }

    public static long FileSystem(ulong path, ulong address)
    {
        long error = PathWalk.FindNode(PathWalk.AT_FDCWD, path, follows: true, out FileNode* node);
        return error != 0 ? error : NodeStatus.WriteFileSystem(address, node);
    }

    public static long FileSystemOf(int descriptor, ulong address)
    {
        OpenFile* file = FileTable.Get(descriptor);
        return file == null ? -Errno.EBADF : file->Node == null ? -Errno.EINVAL : NodeStatus.WriteFileSystem(address, file->Node);
    }

    /// <summary>access: root may read and search everything, write where anything can be written, and execute what anybody may.</summary>
    public static long Access(Thread* thread, int at, ulong path, uint mode)
    {
        const uint X_OK = 1;
        const uint W_OK = 2;
        if (ServedFiles.Has(thread, path, out ulong length))
        {
            return ServedFiles.Access(thread, (byte*)path, length, (mode & W_OK) != 0);
        }

        const uint executableBits = 0x49; // 0111
        long error = PathWalk.FindNode(at, path, follows: true, out FileNode* node);
        if (error != 0)
        {
            return error;
        }

        if ((mode & W_OK) != 0 && !node->IsWritable && node->Kind is not (NodeKind.Null or NodeKind.Random))
        {
            return -Errno.EROFS;
        }

        return (mode & X_OK) != 0 && (node->Permissions & executableBits) == 0 ? -Errno.EACCES : 0;
    }

    public static long ReadLink(int at, ulong path, ulong buffer, ulong size)
    {
        if ((int)size <= 0)
        {
            return -Errno.EINVAL;
        }

        long error = PathWalk.FindNode(at, path, follows: false, out FileNode* node);
        if (error != 0 || node->Kind != NodeKind.Link)
        {
            return error != 0 ? error : -Errno.EINVAL;
        }

        ulong count = Math.Min(size, node->Length);
        error = ProgramMemory.PrepareWrite(buffer, count);
        if (error < 0)
        {
            return error;
        }

        Machine.Copy((void*)buffer, node->Content, (nuint)count);
        return (long)count;
    }

    public static long ChangeDirectory(ulong path)
    {
        long error = PathWalk.FindNode(PathWalk.AT_FDCWD, path, follows: true, out FileNode* node);
        return error != 0 ? error : ChangeDirectory(node);
    }

    public static long ChangeDirectoryTo(int descriptor)
    {
        OpenFile* file = FileTable.Get(descriptor);
        return file == null ? -Errno.EBADF : file->Kind != FileKind.Directory ? -Errno.ENOTDIR : ChangeDirectory(file->Node);
    }

    private static long ChangeDirectory(FileNode* node)
    {
        if (node->Kind != NodeKind.Directory)
        {
            return -Errno.ENOTDIR;
        }

        WorkingDirectory.Set(node);
        return 0;
    }

    private static bool IsEmpty(ulong path, uint flags) =>
        (flags & AT_EMPTY_PATH) != 0 && ProgramMemory.StringLength(path, 1) == 0;
}
