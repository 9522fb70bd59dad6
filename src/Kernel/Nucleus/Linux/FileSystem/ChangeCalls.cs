using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>Calls that make and remove names, in /tmp. Elsewhere they are refused in the order in which Linux looks.</summary>
internal static unsafe class ChangeCalls
{
    private const uint AT_REMOVEDIR = 0x200; // linux/fcntl.h

    public static long MakeDirectory(int at, ulong path, uint mode)
    {
        long error = FindNew(at, path, mayHaveSlash: true, out FoundPath found);
        if (error == 0)
        {
            uint permissions = OpenCalls.Permissions(mode);
            error = TemporaryFiles.Create(
                found.Directory, found.Name, found.NameLength, NodeKind.Directory, permissions, out FileNode* node);
            Tell(error, node);
        }

        return error;
    }

    public static long MakeLink(ulong target, int at, ulong path)
    {
        long length = ProgramMemory.StringLength(target, PathWalk.PATH_MAX);
        if (length <= 0)
        {
            return length < 0 ? length : -Errno.ENOENT;
        }

        long error = FindNew(at, path, mayHaveSlash: false, out FoundPath found);
        if (error != 0)
        {
            return error;
        }

        error = TemporaryFiles.Create(
            found.Directory, found.Name, found.NameLength, NodeKind.Link, FileStatus.Everything, out FileNode* node);
        if (error == 0 && !TemporaryFiles.TrySetTarget(node, (byte*)target, (uint)length))
        {
            TemporaryFiles.Remove(node);
            return -Errno.ENOSPC;
        }

        Tell(error, node);
        return error;
    }

    /// <summary>link: a file has one name, as on a file system of Linux without hard links.</summary>
    public static long MakeName(int oldAt, ulong oldPath, int newAt, ulong newPath)
    {
        long error = PathWalk.FindNode(oldAt, oldPath, follows: false, out FileNode* node);
        if (error != 0)
        {
            return error;
        }

        error = FindNew(newAt, newPath, mayHaveSlash: false, out FoundPath found);
        return error != 0 ? error
            : node->IsWritable != found.Directory->IsWritable ? -Errno.EXDEV
            : node->IsWritable ? -Errno.EPERM : -Errno.EROFS;
    }

    public static long RemoveAt(int at, ulong path, uint flags) =>
        (flags & ~AT_REMOVEDIR) != 0 ? -Errno.EINVAL : flags != 0 ? RemoveDirectory(at, path) : Remove(at, path);

    public static long Remove(int at, ulong path)
    {
        long error = PathWalk.Find(at, path, follows: false, out FoundPath found);
        if (error != 0)
        {
            return error;
        }

        if (found.Directory == null)
        {
            return -Errno.EISDIR;
        }

        if (!found.Directory->IsWritable)
        {
            return -Errno.EROFS;
        }

        FileNode* node = found.Node;
        if (node == null)
        {
            return -Errno.ENOENT;
        }

        if (node->Kind == NodeKind.Directory)
        {
            return -Errno.EISDIR;
        }

        Discard(node);
        return 0;
    }

    public static long RemoveDirectory(int at, ulong path)
    {
        long error = PathWalk.Find(at, path, follows: false, out FoundPath found);
        if (error != 0)
        {
            return error;
        }

        FileNode* node = found.Node;
        if (found.Directory == null)
        {
            return node == FileTree.Root ? -Errno.EBUSY : found.NameLength == 1 ? -Errno.EINVAL : -Errno.ENOTEMPTY;
        }

        if (!found.Directory->IsWritable)
        {
            return node == TemporaryFiles.Root ? -Errno.EBUSY : -Errno.EROFS;
        }

        if (node == null || node->Kind != NodeKind.Directory)
        {
            return node == null ? -Errno.ENOENT : -Errno.ENOTDIR;
        }

        if (node->First != null)
        {
            return -Errno.ENOTEMPTY;
        }

        Discard(node);
        return 0;
    }

    /// <summary>chmod. Root is refused nothing, so the bits count for execution alone, and for whoever reads them.</summary>
    public static long ChangeMode(int at, ulong path, uint mode)
    {
        long error = PathWalk.FindNode(at, path, follows: true, out FileNode* node);
        return error != 0 ? error : ChangeMode(node, mode);
    }

    public static long ChangeModeOf(int descriptor, uint mode)
    {
        OpenFile* file = FileTable.Get(descriptor);
        return file == null ? -Errno.EBADF : file->Node == null ? -Errno.EINVAL : ChangeMode(file->Node, mode);
    }

    private static long ChangeMode(FileNode* node, uint mode)
    {
        if (!node->IsWritable)
        {
            return -Errno.EROFS;
        }

        node->Permissions = mode & 0xfff; // 07777
        node->Changed = Clock.RealTime();
        NodeEvents.Tell(node, NodeEvents.IN_ATTRIB);
        return 0;
    }

    /// <summary>Finds where something new is to be.</summary>
    private static long FindNew(int at, ulong path, bool mayHaveSlash, out FoundPath found)
    {
        long error = PathWalk.Find(at, path, follows: false, out found);
        return error != 0 ? error : found.Node != null ? -Errno.EEXIST : found.HasSlash && !mayHaveSlash ? -Errno.ENOENT : 0;
    }

    /// <summary>Removes what nothing is in.</summary>
    public static void Discard(FileNode* node)
    {
        // An open file keeps the node until its watches have been told, and so does this.
        FileTree.Hold(node);
        NodeEvents.Tell(node, NodeEvents.IN_DELETE);
        TemporaryFiles.Remove(node);
        NodeEvents.End(node);
        FileTree.Release(node);
    }

    private static void Tell(long error, FileNode* node)
    {
        if (error == 0)
        {
            NodeEvents.Tell(node, NodeEvents.IN_CREATE);
        }
    }
}
