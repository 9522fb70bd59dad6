namespace Xenlet.Drivers;

/// <summary>The other end of a ring has written what no back end may write. The connection cannot go on.</summary>
public sealed class BrokenRingException : Exception
{
    /// <summary>Makes an exception without a reason.</summary>
    public BrokenRingException()
        : this("the other end of a ring has broken the protocol")
    {
    }

    /// <summary>Makes an exception that says what was found.</summary>
    public BrokenRingException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that says what was found, and what led to it.</summary>
    public BrokenRingException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
