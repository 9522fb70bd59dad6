using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Memory;

/// <summary>
/// mmap of files. A private mapping is a copy, as it may be. Of what cannot change, a copy serves as a shared mapping too; a shared
/// mapping of a file in /tmp has the file's own pages.
/// </summary>
internal static unsafe class FileMapping
{
    /// <summary>Whether the file can be mapped so: 0 or a negative errno.</summary>
    public static long Check(OpenFile* file, uint protection, bool isShared, ulong length, ulong offset)
    {
        if (!Pages.IsAligned(offset))
        {
            return -Errno.EINVAL;
        }

        if (offset + length < offset)
        {
            return -Errno.EOVERFLOW;
        }

        if (file->Kind != FileKind.Regular || file->Node->Kind != NodeKind.File)
        {
            return -Errno.ENODEV;
        }

        if (!NodeTransfers.Allows(file, writes: false))
        {
            return -Errno.EACCES;
        }

        if (!isShared)
        {
            return 0;
        }

        bool canWrite = NodeTransfers.Allows(file, writes: true);
        return ((Protection)protection & Protection.Write) != 0 && !canWrite ? -Errno.EACCES
            : IsExecutable(file->Node, protection) ? -Errno.EPERM : 0;
    }

    /// <summary>Whether pages of a file in /tmp would be code: it is mounted noexec, as far as shared mappings go.</summary>
    private static bool IsExecutable(FileNode* node, uint protection) =>
        node->IsWritable && ((Protection)protection & Protection.Execute) != 0;

    /// <summary>Whether a mapping has the file's own pages.</summary>
    public static bool IsOfPages(FileNode* node, bool isShared) => isShared && node->IsWritable;

    /// <summary>Copies the content to a new mapping and gives it its rights.</summary>
    /// <returns>The mapping's address; a negative errno, and nothing is mapped.</returns>
    public static long Fill(FileNode* node, ulong address, ulong length, uint protection, ulong offset)
    {
        ulong count = offset < node->Length ? Math.Min(length, node->Length - offset) : 0;
        long error = ProgramMemory.PrepareWrite(address, count);
        if (error == 0)
        {
            _ = NodeContent.Read(node, offset, (byte*)address, count);
            error = AddressSpace.Protect(address, address + length, (Protection)protection);
        }

        if (error != 0)
        {
            _ = AddressSpace.Unmap(address, address + length);
            return error;
        }

        return (long)address;
    }
}
