namespace Xenlet.XenStoreRing;

/// <summary>
/// Why an operation failed. The names in capitals are xenstore's own (<c>xsd_errors</c> of <c>io/xs_wire.h</c>), sent by the server
/// or found here before anything was sent; the last ones are found by this library only.
/// </summary>
public enum XenStoreError
{
    /// <summary>The server sent a name that is none of these: see <see cref="XenStoreException.ErrorName"/>.</summary>
    Unknown = 0,

    /// <summary>A bad argument, most often a path that breaks a rule.</summary>
    EINVAL,

    /// <summary>No permission for the node.</summary>
    EACCES,
    EEXIST,
    EISDIR,

    /// <summary>No such node, watch or transaction.</summary>
    ENOENT,
    ENOMEM,

    /// <summary>A quota is used up, or the value is larger than a node may be.</summary>
    ENOSPC,
    EIO,
    ENOTEMPTY,

    /// <summary>The server does not know the request.</summary>
    ENOSYS,
    EROFS,
    EBUSY,

    /// <summary>A transaction met a conflicting change and has to be tried again.</summary>
    EAGAIN,
    EISCONN,

    /// <summary>The reply would not fit a message, the watch quota is used up, or a buffer given is too small.</summary>
    E2BIG,
    EPERM,

    /// <summary>A quota is used up; sent by oxenstored.</summary>
    EQUOTA,

    /// <summary>The server did not answer in time. Its answer, should it still come, is thrown away.</summary>
    TimedOut,

    /// <summary>The connection has ended; the inner exception or the message says why.</summary>
    ConnectionClosed,

    /// <summary>The server sent what the protocol does not allow.</summary>
    ProtocolViolation,

    /// <summary>The node's value is not of the form that was asked for, for example not a number.</summary>
    BadValue,
}
