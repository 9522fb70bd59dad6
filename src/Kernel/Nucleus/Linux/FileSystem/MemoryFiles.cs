using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>memfd_create: a file without a name, within the limit of /tmp.</summary>
internal static unsafe class MemoryFiles
{
    // linux/memfd.h
    private const uint MFD_CLOEXEC = 1;
    private const uint MFD_ALLOW_SEALING = 2;

    /// <summary>The longest name: NAME_MAX less the "memfd:" that Linux shows before it.</summary>
    private const ulong LongestName = 249;

    /// <summary>Makes a file and opens it. Its name is checked, and shown nowhere.</summary>
    public static long Create(ulong name, uint flags)
    {
        if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING)) != 0)
        {
            return -Errno.EINVAL;
        }

        long length = ProgramMemory.StringLength(name, LongestName + 1);
        if (length < 0)
        {
            return length == -Errno.ENAMETOOLONG ? -Errno.EINVAL : length;
        }

        FileNode* node = TemporaryFiles.CreateNameless(FileStatus.Everything);
        if (node == null)
        {
            return -Errno.ENOMEM;
        }

        FileTree.Hold(node);
        long descriptor = FileTable.Open(FileKind.Regular, FileTable.O_RDWR, node);
        if (descriptor < 0)
        {
            FileTree.Release(node);
        }

        return descriptor;
    }
}
