namespace Xenlet.Net;

/// <summary>Counters of an interface, by the names of Linux's <c>rtnl_link_stats64</c>.</summary>
public sealed class InterfaceStatistics
{
    public long RxPackets { get; internal set; }
    public long RxBytes { get; internal set; }

    /// <summary>Frames for nobody here, or with addresses that nobody may have.</summary>
    public long RxDropped { get; internal set; }

    /// <summary>Frames that were shorter than their headers say.</summary>
    public long RxErrors { get; internal set; }
    public long Multicast { get; internal set; }
    public long TxPackets { get; internal set; }
    public long TxBytes { get; internal set; }

    /// <summary>Frames for which neither the link nor the queue before it had room.</summary>
    public long TxDropped { get; internal set; }
}
