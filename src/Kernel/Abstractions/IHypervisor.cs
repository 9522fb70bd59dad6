namespace Xenlet.Kernel;

/// <summary>
/// The hypervisor that the guest runs on. All members but <see cref="IsPresent"/> throw <see cref="PlatformNotSupportedException"/> without
/// Xen.
/// </summary>
public interface IHypervisor
{
    /// <summary>
    /// Whether the guest runs under Xen. Without it (QEMU's own PVH boot) there are no event channels, grants or xenstore.
    /// </summary>
    bool IsPresent { get; }

    /// <summary>Xen's major and minor version.</summary>
    Version Version { get; }

    /// <summary>The rest of Xen's version as its builder wrote it, such as ".7" or ".1-pre".</summary>
    string ExtraVersion { get; }

    /// <summary>What Xen offers this domain.</summary>
    XenFeatures Features { get; }

    /// <summary>This domain's id. It changes with a migration.</summary>
    ushort DomainId { get; }
}
