namespace Xenlet.Net;

/// <summary>Why an operation on an endpoint failed, by the names of Linux's errors.</summary>
public enum NetworkError
{
    None,

    /// <summary>The operation is not allowed without another option (EACCES): a broadcast without its permission.</summary>
    AccessDenied,

    /// <summary>Somebody else has the port (EADDRINUSE).</summary>
    AddressInUse,

    /// <summary>The address is none of ours, or of the wrong family (EADDRNOTAVAIL).</summary>
    AddressNotAvailable,

    /// <summary>The destination is of a family that the endpoint does not serve (EAFNOSUPPORT).</summary>
    FamilyNotSupported,

    /// <summary>The endpoint is bound already, is closed, or the value is out of range (EINVAL).</summary>
    InvalidArgument,

    /// <summary>There is neither a destination nor a connected peer (EDESTADDRREQ).</summary>
    DestinationRequired,

    /// <summary>The datagram is larger than the protocol or, without fragments, the path carries (EMSGSIZE).</summary>
    MessageTooLong,

    /// <summary>There is no route (ENETUNREACH).</summary>
    NetworkUnreachable,

    /// <summary>The host, or the router to it, does not answer (EHOSTUNREACH).</summary>
    HostUnreachable,

    /// <summary>Nobody listens there (ECONNREFUSED).</summary>
    Refused,

    /// <summary>The host does not speak the protocol (ENOPROTOOPT).</summary>
    ProtocolNotAvailable,

    /// <summary>A header was not accepted on the way (EPROTO).</summary>
    ProtocolError,

    /// <summary>There is no room now: try again when the stack says that there is (EAGAIN).</summary>
    WouldBlock,

    /// <summary>A limit of the stack is reached (ENOBUFS).</summary>
    NoBuffers,

    /// <summary>There is no such interface (ENODEV).</summary>
    NoDevice,
}
