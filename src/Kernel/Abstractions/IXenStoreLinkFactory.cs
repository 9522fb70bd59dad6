namespace Xenlet.Kernel;

/// <summary>Opens the domain's link to xenstore.</summary>
public interface IXenStoreLinkFactory
{
    /// <summary>Opens the link, for one user at a time, who disposes it.</summary>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT), or the link is already open (EBUSY).</exception>
    IXenStoreLink Open();
}
