namespace Xenlet.Kernel;

/// <summary>Makes event channels. The caller owns and disposes what it gets.</summary>
/// <remarks>Every member throws <see cref="PlatformNotSupportedException"/> in a guest that runs without Xen.</remarks>
public interface IEventChannels
{
    /// <summary>Opens a port that another domain may bind to. It learns the number in some other way, mostly through xenstore.</summary>
    /// <param name="remoteDomain">The id of the only domain that may bind.</param>
    /// <exception cref="XenException">There is no such domain (ESRCH), or no port is left (ENOSPC).</exception>
    IEventChannel AllocateUnbound(ushort remoteDomain);

    /// <summary>Binds to a port that another domain has opened for us.</summary>
    /// <param name="remoteDomain">The id of the other domain.</param>
    /// <param name="remotePort">Its port.</param>
    /// <exception cref="XenException">There is no such domain (ESRCH) or port (EINVAL), or it is not open for us (EINVAL).</exception>
    IEventChannel BindInterdomain(ushort remoteDomain, uint remotePort);

    /// <summary>
    /// Takes over a port that the tool stack has bound for this domain, such as xenstore's. Disposing lets go of it and leaves it open.
    /// </summary>
    /// <exception cref="XenException">
    /// The port is not bound to another domain (EINVAL), belongs to the kernel (EPERM), or is in use by the program (EBUSY).
    /// </exception>
    IEventChannel Adopt(uint port);
}
