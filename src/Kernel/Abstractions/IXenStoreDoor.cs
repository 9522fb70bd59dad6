namespace Xenlet.Kernel;

/// <summary>Finds the domain's connection to xenstore.</summary>
public interface IXenStoreDoor
{
    /// <summary>Opens the connection, for one user at a time, who disposes it.</summary>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT), or somebody has opened it (EBUSY).</exception>
    IXenStoreLink Open();
}
