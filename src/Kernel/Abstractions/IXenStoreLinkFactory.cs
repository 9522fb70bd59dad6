namespace Xenlet.Kernel;

/// <summary>Opens the domain's link to xenstore.</summary>
public interface IXenStoreLinkFactory
{
    /// <summary>
    /// Opens the link for the program, which may have one at a time and disposes it. A stand-in that has the link
    /// (<see cref="TryOpen"/>) closes it first, and this waits for that.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT), or the link is already open (EBUSY).</exception>
    IXenStoreLink Open();

    /// <summary>
    /// Opens the link for a stand-in, while the program has not opened it. From then on <paramref name="standIn"/> is notified when its
    /// turn ends, and when it begins again.
    /// </summary>
    /// <returns>
    /// The link, which the stand-in disposes; <see langword="null"/> while the program has the link:
    /// <see cref="IXenStoreStandIn.StepIn"/> is called when it has closed it.
    /// </returns>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT).</exception>
    IXenStoreLink? TryOpen(IXenStoreStandIn standIn);
}
