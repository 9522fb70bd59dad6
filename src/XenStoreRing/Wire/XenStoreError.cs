namespace Xenlet.XenStoreRing;

/// <summary>
/// Why an operation failed. The names in capitals are xenstore's own (<c>xsd_errors</c> of <c>io/xs_wire.h</c>), either sent by the server
/// or detected here before anything was sent. The others are only reported by this library.
/// </summary>
public enum XenStoreError
{
    /// <summary>The server sent another name: see <see cref="XenStoreException.ErrorName"/>.</summary>
    Unknown = 0,

    /// <summary>A bad argument, usually a path that breaks a rule.</summary>
    EINVAL,

    /// <summary>No permission for the node.</summary>
    EACCES,
    EEXIST,
    EISDIR,

    /// <summary>No such node, watch or transaction.</summary>
    ENOENT,
    ENOMEM,

    /// <summary>A quota is used up, or the value is too large for a node.</summary>
    ENOSPC,
    EIO,
    ENOTEMPTY,

    /// <summary>The server does not know the request.</summary>
    ENOSYS,
    EROFS,
    EBUSY,

    /// <summary>A transaction conflicted with another change and has to be tried again.</summary>
    EAGAIN,
    EISCONN,

    /// <summary>The reply does not fit in a message, the watch quota is used up, or the caller's buffer is too small.</summary>
    E2BIG,
    EPERM,

    /// <summary>A quota is used up; sent by oxenstored.</summary>
    EQUOTA,

    /// <summary>The server did not answer in time. A late answer is dropped.</summary>
    TimedOut,

    /// <summary>The connection has ended. The inner exception or the message says why.</summary>
    ConnectionClosed,

    /// <summary>The server sent something that the protocol does not allow.</summary>
    ProtocolViolation,

    /// <summary>The node's value does not have the requested form, for example is not a number.</summary>
    BadValue,
}
