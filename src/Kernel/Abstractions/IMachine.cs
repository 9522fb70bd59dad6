namespace Xenlet.Kernel;

/// <summary>
/// Everything that a guest program has beyond what .NET offers everywhere, as one object that drivers take and tests can fake.
/// </summary>
public interface IMachine
{
    /// <summary>The hypervisor that the guest runs on.</summary>
    IHypervisor Hypervisor { get; }

    /// <summary>Event channels to other domains. Needs Xen.</summary>
    IEventChannels EventChannels { get; }

    /// <summary>Pages to share with other domains. Needs Xen.</summary>
    ISharedPages Pages { get; }

    /// <summary>Pages that other domains have granted to this one. Needs Xen.</summary>
    IForeignPages ForeignPages { get; }

    /// <summary>The domain's connection to xenstore. Needs Xen.</summary>
    IXenStoreLinkFactory XenStore { get; }

    /// <summary>Suspends the guest or ends it: power off, reboot, crash.</summary>
    IPower Power { get; }

    /// <summary>What the guest's threads do and who owns its memory.</summary>
    IDiagnostics Diagnostics { get; }
}
