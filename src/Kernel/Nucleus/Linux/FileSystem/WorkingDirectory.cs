using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>The directory from which paths without a leading slash begin.</summary>
internal static unsafe class WorkingDirectory
{
    public static FileNode* Current { get; private set; }

    public static void Set(FileNode* directory)
    {
        FileTree.Hold(directory);
        if (Current != null)
        {
            FileTree.Release(Current);
        }

        Current = directory;
    }

    /// <summary>getcwd.</summary>
    /// <returns>The length of the path with its terminating 0; -ENOENT if the directory was removed; -ERANGE.</returns>
    public static long Get(ulong buffer, ulong size)
    {
        ulong length = 1;
        for (FileNode* node = Current; node != FileTree.Root; node = node->Parent)
        {
            if (node->Parent == null)
            {
                return -Errno.ENOENT;
            }

            length += node->NameLength + 1;
        }

        bool isRoot = Current == FileTree.Root;
        length += isRoot ? 1u : 0;
        if (size < length)
        {
            return -Errno.ERANGE;
        }

        long error = ProgramMemory.PrepareWrite(buffer, length);
        if (error < 0)
        {
            return error;
        }

        byte* at = (byte*)buffer + length;
        *--at = 0;
        for (FileNode* node = Current; node != FileTree.Root; node = node->Parent)
        {
            at -= node->NameLength;
            Machine.Copy(at, node->Name, node->NameLength);
            *--at = (byte)'/';
        }

        if (isRoot)
        {
            *--at = (byte)'/';
        }

        return (long)length;
    }
}
