using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>Fills a <see cref="stat"/> for a file.</summary>
internal static unsafe class FileStatus
{
    public const uint S_IFIFO = 0x1000;
    public const uint S_IFCHR = 0x2000;
    public const uint S_IFDIR = 0x4000;
    public const uint S_IFREG = 0x8000;
    public const uint S_IFSOCK = 0xc000;
    public const uint ReadWriteForAll = 0x1b6; // 0666
    public const uint Everything = 0x1ff; // 0777
    public const uint ReadForAll = 0x124; // 0444
    public const uint ReadSearchForAll = 0x16d; // 0555

    public static long Write(ulong address, uint mode)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(stat));
        if (error < 0)
        {
            return error;
        }

        stat* status = (stat*)address;
        Machine.Fill(status, 0, (nuint)sizeof(stat));
        status->st_nlink = 1;
        status->st_mode = mode;
        status->st_blksize = (long)Pages.Size;
        return 0;
    }

    /// <summary>The status of a socket.</summary>
    /// <param name="address">Where it goes.</param>
    /// <param name="number">The socket's number, by which /proc/net knows it too.</param>
    public static long WriteSocket(ulong address, ulong number)
    {
        // As Linux's sockfs, which is no device; what its number is differs from boot to boot.
        const ulong device = 8;
        long error = Write(address, S_IFSOCK | Everything);
        if (error == 0)
        {
            ((stat*)address)->st_dev = device;
            ((stat*)address)->st_ino = number;
        }

        return error;
    }

    /// <summary>The status of a regular file.</summary>
    /// <param name="address">Where it goes.</param>
    /// <param name="length">The file's length.</param>
    /// <param name="modified">When its content last changed, in nanoseconds since 1970.</param>
    public static long WriteRegular(ulong address, ulong length, ulong modified)
    {
        const ulong perSecond = 1_000_000_000;
        long error = Write(address, S_IFREG | ReadForAll);
        if (error == 0)
        {
            stat* status = (stat*)address;
            status->st_size = (long)length;
            status->st_mtime = status->st_ctime = modified / perSecond;
            status->st_mtime_nsec = status->st_ctime_nsec = modified % perSecond;
        }

        return error;
    }
}
