namespace Xenlet.Drivers;

/// <summary>The other end of a ring has broken the protocol. The connection cannot continue.</summary>
public sealed class BrokenRingException : Exception
{
    /// <summary>Creates an exception without a reason.</summary>
    public BrokenRingException()
        : this("the other end of a ring has broken the protocol")
    {
    }

    /// <summary>Creates an exception that says what was found.</summary>
    public BrokenRingException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception that says what was found, and what led to it.</summary>
    public BrokenRingException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
