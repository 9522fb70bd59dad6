namespace Xenlet.Kernel;

/// <summary>Creates event channels. The caller owns them and must dispose them.</summary>
/// <remarks>Every member throws <see cref="PlatformNotSupportedException"/> in a guest that runs without Xen.</remarks>
public interface IEventChannels
{
    /// <summary>
    /// Opens a port that another domain may bind to. That domain learns the number by other means, usually through xenstore.
    /// </summary>
    /// <param name="remoteDomain">The id of the only domain that may bind.</param>
    /// <exception cref="XenException">There is no such domain (ESRCH), or no port is left (ENOSPC).</exception>
    IEventChannel AllocateUnbound(ushort remoteDomain);

    /// <summary>Binds to a port that another domain has opened for this one.</summary>
    /// <param name="remoteDomain">The id of the other domain.</param>
    /// <param name="remotePort">Its port.</param>
    /// <exception cref="XenException">
    /// There is no such domain (ESRCH) or port (EINVAL), or the port is not open for this domain (EINVAL).
    /// </exception>
    IEventChannel BindInterdomain(ushort remoteDomain, uint remotePort);

    /// <summary>
    /// Takes over a port that the tool stack has bound for this domain, such as xenstore's. Disposing the channel releases the port and
    /// leaves it open.
    /// </summary>
    /// <exception cref="XenException">
    /// The port is not bound to another domain (EINVAL), belongs to the kernel (EPERM), or is in use by the program (EBUSY).
    /// </exception>
    IEventChannel Adopt(uint port);
}
