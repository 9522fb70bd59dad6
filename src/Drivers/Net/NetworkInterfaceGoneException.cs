namespace Xenlet.Drivers;

/// <summary>The network interface was taken away.</summary>
public sealed class NetworkInterfaceGoneException : IOException
{
    /// <summary>Makes an exception that names no interface.</summary>
    public NetworkInterfaceGoneException()
        : this("the network interface was taken away")
    {
    }

    /// <summary>Makes an exception that says which.</summary>
    public NetworkInterfaceGoneException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that says which, and why.</summary>
    public NetworkInterfaceGoneException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
