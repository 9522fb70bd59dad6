using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>
/// getdents64. Entries have positions that stay, in the order in which they were made, so a listing that goes on after changes misses
/// nothing that was there all the time.
/// </summary>
internal static unsafe class DirectoryListing
{
    // The most that one call writes, however large the buffer.
    private const ulong MaximumSize = NodeTransfers.PartSize;

    // offsetof(struct linux_dirent64, d_name)
    private const uint HeadSize = 19;

    private const int TypeShift = 12; // IFTODT of dirent.h

    public static long Read(int descriptor, ulong buffer, ulong size)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (file->Kind != FileKind.Directory)
        {
            return -Errno.ENOTDIR;
        }

        FileNode* directory = file->Node;
        if (directory->IsRemoved)
        {
            return -Errno.ENOENT;
        }

        size = Math.Min((uint)size, MaximumSize);
        ulong done = 0;
        long error = 0;
        byte* dots = stackalloc byte[2] { (byte)'.', (byte)'.' };
        while (file->Position < FileTree.FirstPosition && error == 0)
        {
            bool isParent = file->Position == 1;
            FileNode* node = isParent && directory->Parent != null ? directory->Parent : directory;
            error = Write(buffer, ref done, size, node, dots, isParent ? 2u : 1, file->Position + 1);
            file->Position += error == 0 ? 1u : 0;
        }

        for (FileNode* node = error == 0 ? directory->First : null; node != null && error == 0; node = node->Next)
        {
            if (node->Position >= file->Position)
            {
                error = Write(buffer, ref done, size, node, node->Name, node->NameLength, node->Position + 1);
                file->Position = error == 0 ? node->Position + 1 : file->Position;
            }
        }

        return done > 0 ? (long)done : error;
    }

    /// <returns>0; -EINVAL if the entry does not fit.</returns>
    private static long Write(ulong buffer, ref ulong done, ulong size, FileNode* node, byte* name, uint length, ulong next)
    {
        uint entrySize = (HeadSize + length + 1 + 7) & ~7u;
        if (done + entrySize > size)
        {
            return -Errno.EINVAL;
        }

        long error = ProgramMemory.PrepareWrite(buffer + done, entrySize);
        if (error < 0)
        {
            return error;
        }

        byte* at = (byte*)(buffer + done);
        Machine.Fill(at, 0, entrySize);
        linux_dirent64* entry = (linux_dirent64*)at;
        entry->d_ino = node->Number;
        entry->d_off = (long)next;
        entry->d_reclen = (ushort)entrySize;
        entry->d_type = (byte)(NodeStatus.TypeOf(node) >> TypeShift);
        Machine.Copy(at + HeadSize, name, length);
        done += entrySize;
        return 0;
    }
}
