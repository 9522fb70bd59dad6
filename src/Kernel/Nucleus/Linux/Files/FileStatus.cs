using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>struct stat of x86-64 (asm/stat.h).</summary>
internal static unsafe class FileStatus
{
    public const uint S_IFIFO = 0x1000;
    public const uint S_IFCHR = 0x2000;
    public const uint S_IFDIR = 0x4000;
    public const uint S_IFREG = 0x8000;
    public const uint ReadWriteForAll = 0x1b6; // 0666
    public const uint ReadSearchForAll = 0x16d; // 0555
    private const uint ReadForAll = 0x124; // 0444

    private const ulong Size = 144;
    private const ulong LinkCountOffset = 16;
    private const ulong ModeOffset = 24;
    private const ulong SizeOffset = 48;
    private const ulong BlockSizeOffset = 56;

    public static long Write(ulong address, uint mode)
    {
        long error = ProgramMemory.PrepareWrite(address, Size);
        if (error < 0)
        {
            return error;
        }

        Machine.Fill((void*)address, 0, (nuint)Size);
        *(ulong*)(address + LinkCountOffset) = 1;
        *(uint*)(address + ModeOffset) = mode;
        *(ulong*)(address + BlockSizeOffset) = Pages.Size;
        return 0;
    }

    /// <summary>The status of the only regular file.</summary>
    public static long WriteText(ulong address)
    {
        long error = Write(address, S_IFREG | ReadForAll);
        if (error == 0)
        {
            *(long*)(address + SizeOffset) = KnownFiles.UserDatabase.Length;
        }

        return error;
    }
}
