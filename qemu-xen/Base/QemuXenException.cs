namespace Xenlet.QemuXen;

/// <summary>Something around the emulated Xen failed; the message says what, with the last lines of the logs that matter.</summary>
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
