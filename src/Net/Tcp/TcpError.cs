namespace Xenlet.Net.Tcp;

/// <summary>Why a connection ended, by the names of Linux's errors.</summary>
internal enum TcpError : byte
{
    None,

    /// <summary>Nobody listens there (ECONNREFUSED).</summary>
    Refused,

    /// <summary>The peer has reset the connection, or the stack because of an exception of its own (ECONNRESET).</summary>
    Reset,

    /// <summary>The peer does not answer (ETIMEDOUT).</summary>
    TimedOut,

    /// <summary>There is no route to the peer (ENETUNREACH).</summary>
    NetworkUnreachable,

    /// <summary>The peer's host is not there (EHOSTUNREACH).</summary>
    HostUnreachable,

    /// <summary>The interface has gone (ENETDOWN).</summary>
    NetworkDown,

    /// <summary>The port is taken (EADDRINUSE).</summary>
    AddressInUse,

    /// <summary>There is no free port, or the address is none of ours (EADDRNOTAVAIL).</summary>
    AddressNotAvailable,
}
