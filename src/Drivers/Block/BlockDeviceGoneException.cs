namespace Xenlet.Drivers;

/// <summary>
/// The disk has been unplugged, or its back end has ended or broken the protocol. It is not known whether a write that was in flight has
/// been done.
/// </summary>
public sealed class BlockDeviceGoneException : IOException
{
    /// <summary>Makes an exception without a reason.</summary>
    public BlockDeviceGoneException()
        : this("the disk is gone")
    {
    }

    /// <summary>Makes an exception that says which disk, and why.</summary>
    public BlockDeviceGoneException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that says which disk, and what led to it.</summary>
    public BlockDeviceGoneException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
