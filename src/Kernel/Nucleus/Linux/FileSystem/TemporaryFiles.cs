using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>
/// /tmp: what can be made and changed, in memory. Contents, names and nodes together have a limit, and are charged like all memory; where
/// either has no more, a call fails with ENOSPC.
/// </summary>
internal static unsafe class TemporaryFiles
{
    /// <summary>Without a word of the administrator: a quarter of the memory that was free at boot.</summary>
    private const ulong DefaultShare = 4;

    /// <summary>/tmp itself.</summary>
    public static FileNode* Root { get; set; }

    /// <summary>Files, directories and links.</summary>
    public static ulong Count { get; private set; }

    public static void SetDefaultLimit() => FileRoom.Limit = FrameAllocator.TotalFrames / DefaultShare * Pages.Size;

    /// <summary>Makes a file, directory or link.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">Its name, which is copied.</param>
    /// <param name="length">The name's length.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="permissions">Its permission bits.</param>
    /// <param name="node">The new node.</param>
    /// <returns>0; -EROFS outside /tmp; -ENOENT in a directory that was removed; -ENOSPC.</returns>
    public static long Create(FileNode* directory, byte* name, uint length, NodeKind kind, uint permissions, out FileNode* node)
    {
        node = null;
        if (!directory->IsWritable)
        {
            return -Errno.EROFS;
        }

        if (directory->IsRemoved)
        {
            return -Errno.ENOENT;
        }

        byte* copy = TryTakeName(name, length, (ulong)sizeof(FileNode));
        if (copy == null)
        {
            return -Errno.ENOSPC;
        }

        node = FileTree.TryCreate(kind, permissions);
        if (node == null)
        {
            ReturnName(copy, length);
            return -Errno.ENOSPC;
        }

        FileRoom.Records += (ulong)sizeof(FileNode);
        Count++;
        node->IsWritable = true;
        node->Accessed = node->Modified = node->Changed = Clock.RealTime();
        FileTree.Insert(directory, node, copy, length);
        DirectoryChanged(directory, node->Changed);
        return 0;
    }

    /// <summary>Makes a file without a name, which lives as long as it is open or mapped; null if there is no room for it.</summary>
    public static FileNode* CreateNameless(uint permissions)
    {
        FileNode* node = FileRoom.HasRoom((ulong)sizeof(FileNode)) ? FileTree.TryCreate(NodeKind.File, permissions) : null;
        if (node != null)
        {
            FileRoom.Records += (ulong)sizeof(FileNode);
            Count++;
            node->IsWritable = true;
            node->Accessed = node->Modified = node->Changed = Clock.RealTime();
        }

        return node;
    }

    /// <summary>Takes the name of a node away, and frees it unless it is open.</summary>
    public static void Remove(FileNode* node)
    {
        FileNode* directory = node->Parent;
        byte* name = node->Name;
        FileTree.Remove(node);
        ReturnName(name, node->NameLength);
        DirectoryChanged(directory, Clock.RealTime());
        FileTree.FreeIfUnused(node);
    }

    /// <summary>Gives a node another name, of <see cref="TryTakeName"/>.</summary>
    public static void Rename(FileNode* node, FileNode* directory, byte* name, uint length)
    {
        FileNode* old = node->Parent;
        byte* oldName = node->Name;
        FileTree.Remove(node);
        ReturnName(oldName, node->NameLength);
        FileTree.Insert(directory, node, name, length);
        node->Changed = Clock.RealTime();
        DirectoryChanged(old, node->Changed);
        DirectoryChanged(directory, node->Changed);
    }

    /// <summary>A node is about to be freed.</summary>
    public static void FreeContent(FileNode* node)
    {
        node->Data.Pages.Truncate(0);
        FileRoom.Records -= (ulong)sizeof(FileNode);
        Count--;
    }

    /// <summary>Stores the path of a link in a page. Returns false if there is no room for it.</summary>
    public static bool TrySetTarget(FileNode* node, byte* path, uint length)
    {
        ulong frame = node->Data.Pages.FindOrAdd(0);
        if (frame == 0)
        {
            return false;
        }

        node->Content = DirectMap.Bytes(frame);
        node->Length = length;
        Machine.Copy(node->Content, path, length);
        return true;
    }

    private static void DirectoryChanged(FileNode* directory, ulong now) => directory->Modified = directory->Changed = now;

    /// <summary>A copy of a name, within the limit together with other records; null if there is no room.</summary>
    public static byte* TryTakeName(byte* name, uint length, ulong others)
    {
        ulong size = (ulong)NodeNames.SizeOf(length);
        byte* copy = FileRoom.HasRoom(size + others) ? NodeNames.TryCopy(name, length) : null;
        FileRoom.Records += copy == null ? 0 : size;
        return copy;
    }

    private static void ReturnName(byte* name, uint length)
    {
        NodeNames.Return(name, length);
        FileRoom.Records -= (ulong)NodeNames.SizeOf(length);
    }
}
