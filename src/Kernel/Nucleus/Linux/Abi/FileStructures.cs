using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Abi;

/// <summary>A file's status (asm/stat.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct stat
{
    public ulong st_dev;
    public ulong st_ino;
    public ulong st_nlink;
    public uint st_mode;
    public uint st_uid;
    public uint st_gid;
    public uint __pad0;
    public ulong st_rdev;
    public long st_size;
    public long st_blksize;
    public long st_blocks;
    public ulong st_atime;
    public ulong st_atime_nsec;
    public ulong st_mtime;
    public ulong st_mtime_nsec;
    public ulong st_ctime;
    public ulong st_ctime_nsec;
    public fixed long __unused[3];
}

/// <summary>One buffer of readv and writev (linux/uio.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct iovec
{
    public ulong iov_base;
    public ulong iov_len;
}

/// <summary>One descriptor of poll (asm-generic/poll.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct pollfd
{
    public int fd;
    public short events;
    public short revents;
}

/// <summary>The argument of epoll_ctl and the result of epoll_wait (linux/eventpoll.h). Packed only on x86-64.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct epoll_event
{
    public uint events;
    public ulong data;
}

/// <summary>The argument of sendmsg and recvmsg (linux/socket.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct msghdr
{
    public ulong msg_name;
    public uint msg_namelen;
    public ulong msg_iov;
    public ulong msg_iovlen;
    public ulong msg_control;
    public ulong msg_controllen;
    public uint msg_flags;
}

/// <summary>One message of sendmmsg (linux/socket.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct mmsghdr
{
    public msghdr msg_hdr;
    public uint msg_len;
}

/// <summary>The head of a control message (linux/socket.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct cmsghdr
{
    public ulong cmsg_len;
    public int cmsg_level;
    public int cmsg_type;
}

/// <summary>A time of statx (linux/stat.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct statx_timestamp
{
    public long tv_sec;
    public uint tv_nsec;
    public int __reserved;
}

/// <summary>A file's status, as the newer call has it (linux/stat.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct statx
{
    public uint stx_mask;
    public uint stx_blksize;
    public ulong stx_attributes;
    public uint stx_nlink;
    public uint stx_uid;
    public uint stx_gid;
    public ushort stx_mode;
    public ushort __spare0;
    public ulong stx_ino;
    public ulong stx_size;
    public ulong stx_blocks;
    public ulong stx_attributes_mask;
    public statx_timestamp stx_atime;
    public statx_timestamp stx_btime;
    public statx_timestamp stx_ctime;
    public statx_timestamp stx_mtime;
    public uint stx_rdev_major;
    public uint stx_rdev_minor;
    public uint stx_dev_major;
    public uint stx_dev_minor;
    public ulong stx_mnt_id;
    public fixed ulong __spare3[13];
}

/// <summary>A file system's status (asm-generic/statfs.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct statfs
{
    public long f_type;
    public long f_bsize;
    public ulong f_blocks;
    public ulong f_bfree;
    public ulong f_bavail;
    public ulong f_files;
    public ulong f_ffree;
    public ulong f_fsid;
    public long f_namelen;
    public long f_frsize;
    public long f_flags;
    public fixed long f_spare[4];
}

/// <summary>The head of a directory's entry; its name follows, with a terminating 0 (linux/dirent.h).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct linux_dirent64
{
    public ulong d_ino;
    public long d_off;
    public ushort d_reclen;
    public byte d_type;
}

/// <summary>A lock of a part of a file (asm-generic/fcntl.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct flock
{
    public short l_type;
    public short l_whence;
    public long l_start;
    public long l_len;
    public int l_pid;
}

/// <summary>The head of an event; the name follows, padded with zeros (linux/inotify.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct inotify_event
{
    public int wd;
    public uint mask;
    public uint cookie;
    public uint len;
}
