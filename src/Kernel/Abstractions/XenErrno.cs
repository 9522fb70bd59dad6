using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel;

/// <summary>The errors of Xen's hypercalls, with the names and numbers of <c>xen/errno.h</c>.</summary>
public enum XenErrno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Operation not permitted.</summary>
    EPERM = (int)Errno.EPERM,

    /// <summary>No such file or directory.</summary>
    ENOENT = (int)Errno.ENOENT,

    /// <summary>No such process.</summary>
    ESRCH = (int)Errno.ESRCH,

    /// <summary>I/O error.</summary>
    EIO = (int)Errno.EIO,

    /// <summary>No such device or address.</summary>
    ENXIO = (int)Errno.ENXIO,

    /// <summary>Arg list too long.</summary>
    E2BIG = (int)Errno.E2BIG,

    /// <summary>Exec format error.</summary>
    ENOEXEC = (int)Errno.ENOEXEC,

    /// <summary>Bad file number.</summary>
    EBADF = (int)Errno.EBADF,

    /// <summary>No child processes.</summary>
    ECHILD = (int)Errno.ECHILD,

    /// <summary>Try again.</summary>
    EAGAIN = (int)Errno.EAGAIN,

    /// <summary>Out of memory.</summary>
    ENOMEM = (int)Errno.ENOMEM,

    /// <summary>Permission denied.</summary>
    EACCES = (int)Errno.EACCES,

    /// <summary>Bad address.</summary>
    EFAULT = (int)Errno.EFAULT,

    /// <summary>Device or resource busy.</summary>
    EBUSY = (int)Errno.EBUSY,

    /// <summary>File exists.</summary>
    EEXIST = (int)Errno.EEXIST,

    /// <summary>Cross-device link.</summary>
    EXDEV = (int)Errno.EXDEV,

    /// <summary>No such device.</summary>
    ENODEV = (int)Errno.ENODEV,

    /// <summary>Not a directory.</summary>
    ENOTDIR = (int)Errno.ENOTDIR,

    /// <summary>Is a directory.</summary>
    EISDIR = (int)Errno.EISDIR,

    /// <summary>Invalid argument.</summary>
    EINVAL = (int)Errno.EINVAL,

    /// <summary>File table overflow.</summary>
    ENFILE = (int)Errno.ENFILE,

    /// <summary>Too many open files.</summary>
    EMFILE = (int)Errno.EMFILE,

    /// <summary>No space left on device.</summary>
    ENOSPC = (int)Errno.ENOSPC,

    /// <summary>Read-only file system.</summary>
    EROFS = (int)Errno.EROFS,

    /// <summary>Too many links.</summary>
    EMLINK = (int)Errno.EMLINK,

    /// <summary>Math argument out of domain of func.</summary>
    EDOM = (int)Errno.EDOM,

    /// <summary>Math result not representable.</summary>
    ERANGE = (int)Errno.ERANGE,

    /// <summary>Resource deadlock would occur.</summary>
    EDEADLK = (int)Errno.EDEADLK,

    /// <summary>File name too long.</summary>
    ENAMETOOLONG = (int)Errno.ENAMETOOLONG,

    /// <summary>No record locks available.</summary>
    ENOLCK = (int)Errno.ENOLCK,

    /// <summary>Function not implemented.</summary>
    ENOSYS = (int)Errno.ENOSYS,

    /// <summary>Directory not empty.</summary>
    ENOTEMPTY = (int)Errno.ENOTEMPTY,

    /// <summary>No data available.</summary>
    ENODATA = (int)Errno.ENODATA,

    /// <summary>Timer expired.</summary>
    ETIME = (int)Errno.ETIME,

    /// <summary>Not a data message.</summary>
    EBADMSG = (int)Errno.EBADMSG,

    /// <summary>Value too large for defined data type.</summary>
    EOVERFLOW = (int)Errno.EOVERFLOW,

    /// <summary>Illegal byte sequence.</summary>
    EILSEQ = (int)Errno.EILSEQ,

    /// <summary>Socket operation on non-socket.</summary>
    ENOTSOCK = (int)Errno.ENOTSOCK,

    /// <summary>Message too large.</summary>
    EMSGSIZE = (int)Errno.EMSGSIZE,

    /// <summary>Operation not supported on transport endpoint.</summary>
    EOPNOTSUPP = (int)Errno.EOPNOTSUPP,

    /// <summary>Address already in use.</summary>
    EADDRINUSE = (int)Errno.EADDRINUSE,

    /// <summary>Cannot assign requested address.</summary>
    EADDRNOTAVAIL = (int)Errno.EADDRNOTAVAIL,

    /// <summary>No buffer space available.</summary>
    ENOBUFS = (int)Errno.ENOBUFS,

    /// <summary>Transport endpoint is already connected.</summary>
    EISCONN = (int)Errno.EISCONN,

    /// <summary>Transport endpoint is not connected.</summary>
    ENOTCONN = (int)Errno.ENOTCONN,

    /// <summary>Connection timed out.</summary>
    ETIMEDOUT = (int)Errno.ETIMEDOUT,

    /// <summary>Connection refused.</summary>
    ECONNREFUSED = (int)Errno.ECONNREFUSED,
}
