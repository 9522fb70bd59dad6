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
