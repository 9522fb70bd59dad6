namespace Xenlet.Kernel;

/// <summary>Opens the domain's link to xenstore.</summary>
public interface IXenStoreLinkFactory
{
    /// <summary>
    /// Opens the link for the program, which disposes it; one at a time. What stands in for the program (<see cref="TryOpen"/>) disposes
    /// its own link first, and this call waits for that.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT), or the link is already open (EBUSY).</exception>
    IXenStoreLink Open();

    /// <summary>
    /// Opens the link for what stands in for the program while the program has not opened it. From then on <paramref name="standIn"/> is
    /// told when its turn is over, and when it comes again.
    /// </summary>
    /// <returns>
    /// The link, which the stand-in disposes; <see langword="null"/> while the program has the link:
    /// <see cref="IXenStoreStandIn.StepIn"/> is called when it no longer has.
    /// </returns>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT).</exception>
    IXenStoreLink? TryOpen(IXenStoreStandIn standIn);
}
