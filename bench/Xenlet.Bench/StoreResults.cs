namespace Xenlet.Bench;

/// <summary>What StoreBench measured of xenstore, by where it ran and by which library.</summary>
internal sealed class StoreResults
{
    /// <summary>Our client in a Xenlet, over the shared ring.</summary>
    public WorkResults Xenlet { get; } = new();

    /// <summary>libxenstore in a Linux guest, through the kernel's device.</summary>
    public WorkResults LinuxLibrary { get; } = new();

    /// <summary>Our client in a Linux guest, through the kernel's device.</summary>
    public WorkResults LinuxClient { get; } = new();

    /// <summary>libxenstore on the host, over xenstored's socket.</summary>
    public WorkResults HostLibrary { get; } = new();

    /// <summary>Our client on the host, over xenstored's socket.</summary>
    public WorkResults HostClient { get; } = new();

    /// <summary>Exchanges of dom0 with a Xenlet.</summary>
    public WorkResults XenletExchange { get; } = new();

    /// <summary>Exchanges of dom0 with a Linux guest that uses libxenstore.</summary>
    public WorkResults LinuxExchange { get; } = new();
}
