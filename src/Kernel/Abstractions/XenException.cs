namespace Xenlet.Kernel;

/// <summary>Xen, or the kernel on its behalf, refused an operation.</summary>
public sealed class XenException : Exception
{
    /// <summary>Creates an exception without an operation.</summary>
    public XenException()
        : this("an operation of Xen", XenErrno.None)
    {
    }

    /// <summary>Creates an exception with the given message.</summary>
    public XenException(string message)
        : base(message) => Operation = "";

    /// <summary>Creates an exception with the given message.</summary>
    public XenException(string message, Exception? innerException)
        : base(message, innerException) => Operation = "";

    /// <summary>Creates an exception that names the operation and the error.</summary>
    public XenException(string operation, XenErrno error)
        : base($"{operation} failed: {(Enum.IsDefined(error) ? error : "unknown error")} ({(int)error})")
    {
        Operation = operation;
        Error = error;
    }

    /// <summary>The operation that failed, such as "binding to port 7 of domain 0".</summary>
    public string Operation { get; }

    /// <summary>The error, under its name in Xen's header.</summary>
    public XenErrno Error { get; }
}
