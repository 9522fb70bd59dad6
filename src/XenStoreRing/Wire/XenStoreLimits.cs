namespace Xenlet.XenStoreRing;

/// <summary>
/// Limits of the protocol (<c>io/xs_wire.h</c>) and of xenstored. A peer that breaks one of the first three loses its connection.
/// </summary>
public static class XenStoreLimits
{
    /// <summary><c>XENSTORE_PAYLOAD_MAX</c>: the maximum number of bytes after the header, in either direction.</summary>
    public const int MaxPayload = 4096;

    /// <summary><c>XENSTORE_ABS_PATH_MAX</c>: the maximum length of a path that starts with "/".</summary>
    public const int MaxAbsolutePath = 3072;

    /// <summary><c>XENSTORE_REL_PATH_MAX</c>: the maximum length of a path below the domain's own.</summary>
    public const int MaxRelativePath = 2048;

    /// <summary>
    /// The maximum number of unanswered requests of a domain: <c>quota_max_outstanding</c> of Xen's C xenstored, which stops reading beyond
    /// it.
    /// </summary>
    public const int MaxOutstanding = 20;

    /// <summary>
    /// The maximum number of bytes of names accepted for one directory. xenstored has no such limit; this one keeps a broken peer from
    /// filling the memory, and is far above the 1,000 nodes that xenstored allows a domain.
    /// </summary>
    public const int MaxDirectory = 1024 * 1024;
}
