using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Sockets;

/// <summary>The errors of sockets, with Linux's names and numbers (asm-generic/errno.h).</summary>
public enum SocketErrno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Operation not permitted.</summary>
    EPERM = (int)Errno.EPERM,

    /// <summary>There is no such file.</summary>
    ENOENT = (int)Errno.ENOENT,

    /// <summary>Out of memory.</summary>
    ENOMEM = (int)Errno.ENOMEM,

    /// <summary>Permission denied: a broadcast without SO_BROADCAST.</summary>
    EACCES = (int)Errno.EACCES,

    /// <summary>There is no such interface.</summary>
    ENODEV = (int)Errno.ENODEV,

    /// <summary>Invalid argument: the socket is bound already.</summary>
    EINVAL = (int)Errno.EINVAL,

    /// <summary>The connection is shut down for sending.</summary>
    EPIPE = (int)Errno.EPIPE,

    /// <summary>The datagram is too long.</summary>
    EMSGSIZE = (int)Errno.EMSGSIZE,

    /// <summary>Operation not supported.</summary>
    EOPNOTSUPP = (int)Errno.EOPNOTSUPP,

    /// <summary>The address is of another family.</summary>
    EAFNOSUPPORT = (int)Errno.EAFNOSUPPORT,

    /// <summary>The address is in use.</summary>
    EADDRINUSE = (int)Errno.EADDRINUSE,

    /// <summary>The address is not one of the guest's, or no port is free.</summary>
    EADDRNOTAVAIL = (int)Errno.EADDRNOTAVAIL,

    /// <summary>The interface is gone, or the stack has ended.</summary>
    ENETDOWN = (int)Errno.ENETDOWN,

    /// <summary>There is no route to the address.</summary>
    ENETUNREACH = (int)Errno.ENETUNREACH,

    /// <summary>The network dropped the connection.</summary>
    ENETRESET = (int)Errno.ENETRESET,

    /// <summary>The connection was ended by a fault of the stack.</summary>
    ECONNABORTED = (int)Errno.ECONNABORTED,

    /// <summary>The peer has reset the connection.</summary>
    ECONNRESET = (int)Errno.ECONNRESET,

    /// <summary>No memory is left for sockets.</summary>
    ENOBUFS = (int)Errno.ENOBUFS,

    /// <summary>The socket is connected already.</summary>
    EISCONN = (int)Errno.EISCONN,

    /// <summary>The socket is not connected.</summary>
    ENOTCONN = (int)Errno.ENOTCONN,

    /// <summary>The peer does not answer.</summary>
    ETIMEDOUT = (int)Errno.ETIMEDOUT,

    /// <summary>Nobody listens there.</summary>
    ECONNREFUSED = (int)Errno.ECONNREFUSED,

    /// <summary>There is no way to the host.</summary>
    EHOSTUNREACH = (int)Errno.EHOSTUNREACH,

    /// <summary>A connection is being made already.</summary>
    EALREADY = (int)Errno.EALREADY,
}
