namespace Xenlet.Kernel;

/// <summary>Xen, or the kernel on its behalf, refused an operation.</summary>
public sealed class XenException : Exception
{
    /// <summary>Makes an exception without an operation.</summary>
    public XenException()
        : this("an operation of Xen", XenErrno.None)
    {
    }

    /// <summary>Makes an exception with a message of its own.</summary>
    public XenException(string message)
        : base(message) => Operation = "";

    /// <summary>Makes an exception with a message of its own.</summary>
    public XenException(string message, Exception? innerException)
        : base(message, innerException) => Operation = "";

    /// <summary>Makes an exception that says which operation failed, and the name and number of the error.</summary>
    public XenException(string operation, XenErrno error)
        : base($"{operation} failed: {(Enum.IsDefined(error) ? error : "unknown error")} ({(int)error})")
    {
        Operation = operation;
        Error = error;
    }

    /// <summary>What failed, such as "binding to port 7 of domain 0".</summary>
    public string Operation { get; }

    /// <summary>The error; its name is the one in Xen's header.</summary>
    public XenErrno Error { get; }
}
