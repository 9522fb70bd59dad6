using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Net;

/// <summary>The features that a back end lists in its directory.</summary>
/// <param name="CopiesReceived">
/// feature-rx-copy: it copies frames into the front end's pages. The older way, exchanging pages, is not supported.
/// </param>
/// <param name="SplitsEventChannels">feature-split-event-channels.</param>
/// <param name="TakesChains">feature-sg: frames of several pages.</param>
/// <param name="SegmentsTcpV4">feature-gso-tcpv4.</param>
/// <param name="SegmentsTcpV6">feature-gso-tcpv6.</param>
/// <param name="NoChecksums">feature-no-csum-offload: it does not complete checksums of IPv4.</param>
/// <param name="ChecksumsV6">feature-ipv6-csum-offload.</param>
/// <param name="FiltersMulticast">feature-multicast-control.</param>
/// <param name="Queues">multi-queue-max-queues, or 1.</param>
/// <param name="Mtu">mtu, where the tool stack has set one.</param>
internal sealed record BackEndFeatures(
    bool CopiesReceived,
    bool SplitsEventChannels,
    bool TakesChains,
    bool SegmentsTcpV4,
    bool SegmentsTcpV6,
    bool NoChecksums,
    bool ChecksumsV6,
    bool FiltersMulticast,
    int Queues,
    int? Mtu)
{
    private static readonly string[] Names =
    [
        "feature-rx-copy", "feature-split-event-channels", "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
        "feature-no-csum-offload",
        "feature-ipv6-csum-offload", "feature-multicast-control", "multi-queue-max-queues", "mtu",
    ];

    /// <summary>The offloads that it supports.</summary>
    public NetworkOffloads Offloads { get; } =
        (NoChecksums ? 0 : NetworkOffloads.ChecksumV4)
        | (ChecksumsV6 ? NetworkOffloads.ChecksumV6 : 0)
        | (SegmentsTcpV4 && TakesChains && !NoChecksums ? NetworkOffloads.SegmentTcpV4 : 0)
        | (SegmentsTcpV6 && TakesChains && ChecksumsV6 ? NetworkOffloads.SegmentTcpV6 : 0);

    /// <summary>Reads them, all requests in flight together.</summary>
    /// <exception cref="XenStoreException">A node cannot be read, or holds no number.</exception>
    public static async ValueTask<BackEndFeatures> ReadAsync(XenStoreClient store, string path, CancellationToken cancellationToken)
    {
        Task<int?>[] reads = [.. Names.Select(name => store.TryReadInt32Async($"{path}/{name}", cancellationToken).AsTask())];
        int?[] values = await Task.WhenAll(reads).ConfigureAwait(EventLoop.IsCurrent);
        bool Has(int place) => values[place] is { } value && value != 0;
        return new(Has(0), Has(1), Has(2), Has(3), Has(4), Has(5), Has(6), Has(7), values[8] ?? 1, values[9]);
    }
}
