using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>What stat, statx and statfs say of a node.</summary>
internal static unsafe class NodeStatus
{
    private const uint S_IFLNK = 0xa000;

    // The image's files and /tmp are two file systems, as two mounts are on Linux.
    private const ulong DeviceOfImage = 1;
    private const ulong DeviceOfTemporaryFiles = 2;

    // linux/magic.h
    private const long SQUASHFS_MAGIC = 0x73717368;
    private const long TMPFS_MAGIC = 0x01021994;

    private const long ST_RDONLY = 1; // sys/statvfs.h
    private const uint STATX_BASIC_STATS = 0x7ff; // linux/stat.h
    private const ulong BlockSize = 512;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    public static long Write(ulong address, FileNode* node)
    {
        long error = FileStatus.Write(address, TypeOf(node) | node->Permissions);
        if (error < 0)
        {
            return error;
        }

        stat* status = (stat*)address;
        status->st_dev = node->IsWritable ? DeviceOfTemporaryFiles : DeviceOfImage;
        status->st_ino = node->Number;
        status->st_nlink = Links(node);
        status->st_size = (long)node->Length;
        status->st_blocks = (long)Blocks(node);
        status->st_atime = node->Accessed / NanosecondsPerSecond;
        status->st_atime_nsec = node->Accessed % NanosecondsPerSecond;
        status->st_mtime = node->Modified / NanosecondsPerSecond;
        status->st_mtime_nsec = node->Modified % NanosecondsPerSecond;
        status->st_ctime = node->Changed / NanosecondsPerSecond;
        status->st_ctime_nsec = node->Changed % NanosecondsPerSecond;
        return 0;
    }

    public static long WriteExtended(ulong address, FileNode* node)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(statx));
        if (error < 0)
        {
            return error;
        }

        statx* status = (statx*)address;
        Machine.Fill(status, 0, (nuint)sizeof(statx));
        status->stx_mask = STATX_BASIC_STATS;
        status->stx_blksize = (uint)Pages.Size;
        status->stx_nlink = (uint)Links(node);
        status->stx_mode = (ushort)(TypeOf(node) | node->Permissions);
        status->stx_ino = node->Number;
        status->stx_size = node->Length;
        status->stx_blocks = Blocks(node);
        status->stx_atime = Time(node->Accessed);
        status->stx_mtime = Time(node->Modified);
        status->stx_ctime = Time(node->Changed);
        status->stx_dev_minor = (uint)(node->IsWritable ? DeviceOfTemporaryFiles : DeviceOfImage);
        return 0;
    }

    public static long WriteFileSystem(ulong address, FileNode* node)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(statfs));
        if (error < 0)
        {
            return error;
        }

        statfs* status = (statfs*)address;
        Machine.Fill(status, 0, (nuint)sizeof(statfs));
        status->f_type = node->IsWritable ? TMPFS_MAGIC : SQUASHFS_MAGIC;
        status->f_bsize = status->f_frsize = (long)Pages.Size;
        status->f_namelen = NodeNames.NAME_MAX;
        if (!node->IsWritable)
        {
            status->f_flags = ST_RDONLY;
            return 0;
        }

        ulong left = FileRoom.Limit > FileRoom.Used ? FileRoom.Limit - FileRoom.Used : 0;
        status->f_blocks = FileRoom.Limit / Pages.Size;
        status->f_bfree = status->f_bavail = Math.Min(left / Pages.Size, MemoryCharge.Available);
        status->f_files = TemporaryFiles.Count;
        return 0;
    }

    /// <summary>The file's type, as st_mode has it.</summary>
    public static uint TypeOf(FileNode* node) => node->Kind switch
    {
        NodeKind.Directory => FileStatus.S_IFDIR,
        NodeKind.Link => S_IFLNK,
        NodeKind.Null or NodeKind.Random => FileStatus.S_IFCHR,
        _ => FileStatus.S_IFREG,
    };

    /// <summary>A directory has its name, "." in itself and ".." in each directory below it; what was removed has none.</summary>
    private static ulong Links(FileNode* node) =>
        node->IsRemoved ? 0 : node->Kind == NodeKind.Directory ? 2 + (ulong)node->Directories : 1;

    private static ulong Blocks(FileNode* node) =>
        (node->Content != null ? node->Length + BlockSize - 1 : node->Data.Pages.Count * Pages.Size) / BlockSize;

    private static statx_timestamp Time(ulong time) =>
        new() { tv_sec = (long)(time / NanosecondsPerSecond), tv_nsec = (uint)(time % NanosecondsPerSecond) };
}
