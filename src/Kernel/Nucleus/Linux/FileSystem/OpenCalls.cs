using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>open and openat.</summary>
internal static unsafe class OpenCalls
{
    // asm-generic/fcntl.h
    private const uint O_EXCL = 0x80;
    private const uint O_TRUNC = 0x200;
    private const uint O_DIRECTORY = 0x10000;
    private const uint O_NOFOLLOW = 0x20000;
    private const uint O_PATH = 0x200000;
    private const uint O_TMPFILE = 0x400000;

    /// <summary>The flags that fcntl(F_GETFL) returns.</summary>
    private const uint Kept =
        FileTable.O_ACCMODE | FileTable.O_APPEND | FileTable.O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW;

    private const uint PermissionBits = 0xfff; // 07777

    /// <summary>What init has on Linux: the mask before the program sets one.</summary>
    private const uint InitialMask = 0x12; // 022

    // The permissions that nothing new has, as what the program has changed of the initial ones.
    private static uint s_maskChange;

    /// <summary>umask.</summary>
    public static long SetMask(uint mask)
    {
        uint previous = InitialMask ^ s_maskChange;
        s_maskChange = (mask & FileStatus.Everything) ^ InitialMask;
        return previous;
    }

    /// <summary>The permission bits of something new.</summary>
    public static uint Permissions(uint mode) => mode & PermissionBits & ~(InitialMask ^ s_maskChange);

    /// <summary>creat(2).</summary>
    public static long Create(Thread* thread, ulong path, uint mode) =>
        Open(thread, PathWalk.AT_FDCWD, path, FileTable.O_WRONLY | FileTable.O_CREAT | O_TRUNC, mode);

    public static long Open(Thread* thread, int at, ulong path, uint flags, uint mode)
    {
        if (ServedFiles.Has(thread, path, out ulong length))
        {
            return ServedFiles.Open(thread, (byte*)path, length, flags);
        }

        if ((flags & (O_PATH | O_TMPFILE)) != 0)
        {
            return (flags & O_PATH) != 0 ? -Errno.EINVAL : -Errno.EOPNOTSUPP;
        }

        bool creates = (flags & FileTable.O_CREAT) != 0;
        bool isExclusive = creates && (flags & O_EXCL) != 0;
        if (creates && (flags & O_DIRECTORY) != 0)
        {
            return -Errno.EINVAL;
        }

        long error = PathWalk.Find(at, path, follows: (flags & O_NOFOLLOW) == 0 && !isExclusive, out FoundPath found);
        if (error != 0)
        {
            return error;
        }

        if (found.Node != null)
        {
            return isExclusive ? -Errno.EEXIST : Open(found.Node, flags);
        }

        if (!creates || found.HasSlash)
        {
            return creates ? -Errno.EISDIR : -Errno.ENOENT;
        }

        error = TemporaryFiles.Create(found.Directory, found.Name, found.NameLength, NodeKind.File, Permissions(mode), out FileNode* node);
        if (error != 0)
        {
            return error;
        }

        NodeEvents.Tell(node, NodeEvents.IN_CREATE);
        long descriptor = Open(node, flags & ~O_TRUNC);
        if (descriptor < 0)
        {
            NodeEvents.Tell(node, NodeEvents.IN_DELETE);
            TemporaryFiles.Remove(node);
        }

        return descriptor;
    }

    private static long Open(FileNode* node, uint flags)
    {
        bool writes = (flags & FileTable.O_ACCMODE) != 0;
        if (node->Kind == NodeKind.Link)
        {
            return -Errno.ELOOP;
        }

        if (node->Kind != NodeKind.Directory && (flags & O_DIRECTORY) != 0)
        {
            return -Errno.ENOTDIR;
        }

        switch (node->Kind)
        {
            case NodeKind.Directory:
                return writes || (flags & FileTable.O_CREAT) != 0 ? -Errno.EISDIR : Open(FileKind.Directory, node, flags);
            case NodeKind.Null:
                return Open(FileKind.Null, node, flags);
            case NodeKind.Random:
                return Open(FileKind.Random, node, flags);
            case NodeKind.File:
            case NodeKind.Process:
                break;
            default:
                return -Errno.EACCES;
        }

        if (!node->IsWritable && (writes || (flags & O_TRUNC) != 0))
        {
            return -Errno.EROFS;
        }

        long descriptor = Open(FileKind.Regular, node, flags);
        if (descriptor >= 0 && (flags & O_TRUNC) != 0 && node->Length > 0)
        {
            NodeContent.SetLength(node, 0);
            NodeEvents.Tell(node, NodeEvents.IN_MODIFY);
        }

        return descriptor;
    }

    private static long Open(FileKind kind, FileNode* node, uint flags)
    {
        long descriptor = FileTable.Open(kind, flags & Kept, node);
        if (descriptor >= 0)
        {
            FileTree.Hold(node);
        }

        return descriptor;
    }
}
