namespace Xenlet.XenStoreRing;

/// <summary>The only exception type of this library: a xenstore operation or the connection failed.</summary>
public sealed class XenStoreException : IOException
{
    /// <summary>A failure of the connection, which belongs to no operation.</summary>
    public XenStoreException(XenStoreError error, string message, Exception? inner = null)
        : base(message, inner)
    {
        Error = error;
        ErrorName = error.ToWireName();
    }

    /// <summary>
    /// A failure of an operation. The message begins with the operation and its <paramref name="subject"/>.
    /// </summary>
    /// <param name="operation">The requested operation.</param>
    /// <param name="subject">The path, or the argument of a request without one; may be <see langword="null"/>.</param>
    /// <param name="error">The error.</param>
    /// <param name="errorName">Its name as sent.</param>
    /// <param name="detail">A description of the failure.</param>
    /// <param name="inner">The failure of the connection that caused it, if any.</param>
    public XenStoreException(
        XenStoreMessageType operation, string? subject, XenStoreError error, string errorName, string detail, Exception? inner = null)
        : base($"{operation.ToWireName()}{(subject is null ? "" : " " + Shorten(subject))}: {errorName}: {detail}", inner)
    {
        Operation = operation;
        Path = subject;
        Error = error;
        ErrorName = errorName;
    }

    /// <summary>The error; <see cref="XenStoreError.Unknown"/> for an undocumented name.</summary>
    public XenStoreError Error { get; }

    /// <summary>
    /// Whether the same request may well succeed later: xenstored was late, restarting, busy or short of something, and its answer says
    /// nothing about the node. Errors of quotas, permissions and the request itself are not temporary.
    /// </summary>
    public bool IsTemporary => Error is XenStoreError.TimedOut or XenStoreError.ConnectionClosed
        or XenStoreError.ProtocolViolation or XenStoreError.Unknown
        or XenStoreError.EAGAIN or XenStoreError.EBUSY or XenStoreError.EIO or XenStoreError.ENOMEM;

    /// <summary>The error's name as the server sent it, even if it is unknown.</summary>
    public string ErrorName { get; }

    /// <summary>The operation that failed, or <see langword="null"/> if the connection failed.</summary>
    public XenStoreMessageType? Operation { get; }

    /// <summary>The operation's path (or its other argument, such as a domain id).</summary>
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
