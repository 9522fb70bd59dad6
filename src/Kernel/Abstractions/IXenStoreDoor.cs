namespace Xenlet.Kernel;

/// <summary>Finds the domain's connection to xenstore.</summary>
public interface IXenStoreDoor
{
    /// <summary>
    /// Opens the connection for the program, one link at a time, which it disposes of. What stands in for it
    /// (<see cref="TryOpen"/>) lets the connection go first, and this waits for that.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT), or somebody has opened it (EBUSY).</exception>
    IXenStoreLink Open();

    /// <summary>
    /// Opens the connection for what stands in for the program while that has not opened it. From then on <paramref name="standIn"/> is
    /// told when its turn is over, and when it comes again.
    /// </summary>
    /// <returns>
    /// The link, which the stand-in disposes of; <see langword="null"/> while the program has the connection:
    /// <see cref="IXenStoreStandIn.StepIn"/> is called when it has not.
    /// </returns>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT).</exception>
    IXenStoreLink? TryOpen(IXenStoreStandIn standIn);
}
