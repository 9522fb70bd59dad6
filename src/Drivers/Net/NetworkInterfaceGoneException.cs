namespace Xenlet.Drivers;

/// <summary>The network interface was removed.</summary>
public sealed class NetworkInterfaceGoneException : IOException
{
    /// <summary>Creates an exception that names no interface.</summary>
    public NetworkInterfaceGoneException()
        : this("the network interface was taken away")
    {
    }

    /// <summary>Creates an exception that says which interface.</summary>
    public NetworkInterfaceGoneException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception that says which interface, and why.</summary>
    public NetworkInterfaceGoneException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
