namespace Xenlet.QemuXen;

/// <summary>An operation around the emulated Xen failed. The message says which, with the last lines of the relevant logs.</summary>
public class QemuXenException : Exception
{
    /// <summary>Creates the exception without a message.</summary>
    public QemuXenException()
    {
    }

    /// <summary>Creates the exception with a message.</summary>
    public QemuXenException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public QemuXenException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
