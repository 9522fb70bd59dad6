using Xenlet.Kernel.Nucleus.Linux.Files;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>The last descriptor of an open file was closed.</summary>
internal static unsafe class FileClose
{
    public static void Release(OpenFile* file)
    {
        FileNode* node = file->Node;
        FileLocks.Unlock(file);
        if (node->IsWritable && node->Kind == NodeKind.File && NodeTransfers.Allows(file, writes: true))
        {
            NodeEvents.Tell(node, NodeEvents.IN_CLOSE_WRITE);
        }

        FileTree.Release(node);
    }
}
