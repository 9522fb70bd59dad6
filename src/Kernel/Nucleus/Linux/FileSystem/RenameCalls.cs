using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>rename, renameat and renameat2.</summary>
internal static unsafe class RenameCalls
{
    private const uint RENAME_NOREPLACE = 1; // linux/fs.h

    public static long Rename(int oldAt, ulong oldPath, int newAt, ulong newPath, uint flags)
    {
        if ((flags & ~RENAME_NOREPLACE) != 0)
        {
            return -Errno.EINVAL;
        }

        long error = PathWalk.Find(oldAt, oldPath, follows: false, out FoundPath source);
        if (error != 0)
        {
            return error;
        }

        error = PathWalk.Find(newAt, newPath, follows: false, out FoundPath target);
        return error != 0 ? error : Rename(source, target, flags);
    }

    private static long Rename(FoundPath source, FoundPath target, uint flags)
    {
        if (source.Directory == null || target.Directory == null)
        {
            return -Errno.EBUSY;
        }

        if (source.Directory->IsWritable != target.Directory->IsWritable)
        {
            return -Errno.EXDEV;
        }

        if (!source.Directory->IsWritable)
        {
            return -Errno.EROFS;
        }

        FileNode* node = source.Node;
        FileNode* replaced = target.Node;
        if (node == null)
        {
            return -Errno.ENOENT;
        }

        bool isDirectory = node->Kind == NodeKind.Directory;
        if (replaced != null && (flags & RENAME_NOREPLACE) != 0)
        {
            return -Errno.EEXIST;
        }

        if (!isDirectory && (source.HasSlash || target.HasSlash))
        {
            return -Errno.ENOTDIR;
        }

        if (isDirectory && IsWithin(target.Directory, node))
        {
            return -Errno.EINVAL;
        }

        if (target.Directory->IsRemoved)
        {
            return -Errno.ENOENT;
        }

        if (node == replaced)
        {
            return 0;
        }

        if (replaced != null)
        {
            bool isOverDirectory = replaced->Kind == NodeKind.Directory;
            if (isDirectory != isOverDirectory)
            {
                return isDirectory ? -Errno.ENOTDIR : -Errno.EISDIR;
            }

            if (replaced->First != null)
            {
                return -Errno.ENOTEMPTY;
            }
        }

        return Move(node, replaced, target);
    }

    private static long Move(FileNode* node, FileNode* replaced, FoundPath target)
    {
        // The only step that can fail comes first.
        byte* name = TemporaryFiles.TryTakeName(target.Name, target.NameLength, 0);
        if (name == null)
        {
            return -Errno.ENOSPC;
        }

        uint cookie = NodeEvents.TellMovedFrom(node);
        if (replaced != null)
        {
            ChangeCalls.Discard(replaced);
        }

        TemporaryFiles.Rename(node, target.Directory, name, target.NameLength);
        NodeEvents.TellMovedTo(node, cookie);
        return 0;
    }

    private static bool IsWithin(FileNode* directory, FileNode* node)
    {
        while (directory != null && directory != node)
        {
            directory = directory->Parent;
        }

        return directory != null;
    }
}
