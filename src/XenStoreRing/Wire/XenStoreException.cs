namespace Xenlet.XenStoreRing;

/// <summary>The one exception of this library: a xenstore operation failed, or the connection did.</summary>
public sealed class XenStoreException : IOException
{
    /// <summary>A failure of the connection, which belongs to no operation.</summary>
    public XenStoreException(XenStoreError error, string message, Exception? inner = null)
        : base(message, inner)
    {
        Error = error;
        ErrorName = error.ToWireName();
    }

    /// <summary>A failure of one operation. The message begins with the operation and its <paramref name="subject"/>.</summary>
    /// <param name="operation">What was asked.</param>
    /// <param name="subject">The path, or for requests without one their argument; may be <see langword="null"/>.</param>
    /// <param name="error">The error.</param>
    /// <param name="errorName">Its name as sent.</param>
    /// <param name="detail">What went wrong, in words.</param>
    /// <param name="inner">The failure of the connection behind it, if any.</param>
    public XenStoreException(
        XenStoreMessageType operation, string? subject, XenStoreError error, string errorName, string detail, Exception? inner = null)
        : base($"{operation.ToWireName()}{(subject is null ? "" : " " + Shorten(subject))}: {errorName}: {detail}", inner)
    {
        Operation = operation;
        Path = subject;
        Error = error;
        ErrorName = errorName;
    }

    /// <summary>The error; <see cref="XenStoreError.Unknown"/> for a name that is not documented.</summary>
    public XenStoreError Error { get; }

    /// <summary>
    /// Whether the same request may well be answered otherwise later: xenstored was late, restarting, busy or in want of something, and
    /// has said nothing of the node. Quotas, permissions and what is wrong with the request itself are no such errors.
    /// </summary>
    public bool IsTemporary => Error is XenStoreError.TimedOut or XenStoreError.ConnectionClosed
        or XenStoreError.ProtocolViolation or XenStoreError.Unknown
        or XenStoreError.EAGAIN or XenStoreError.EBUSY or XenStoreError.EIO or XenStoreError.ENOMEM;

    /// <summary>The error's name as the server sent it, also when it is unknown.</summary>
    public string ErrorName { get; }

    /// <summary>The operation that failed, or <see langword="null"/> when the connection did.</summary>
    public XenStoreMessageType? Operation { get; }

    /// <summary>The path the operation was for (or its other argument, such as a domain's number).</summary>
    public string? Path { get; }

    private static string Shorten(string subject)
    {
        if (subject.Length == 0)
        {
            return "\"\"";
        }

        return subject.Length <= 256 ? subject : string.Concat(subject.AsSpan(0, 253), "...");
    }
}
