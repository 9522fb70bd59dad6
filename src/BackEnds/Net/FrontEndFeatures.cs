using Xenlet.Drivers;

namespace Xenlet.BackEnds.Net;

/// <summary>What a front end accepts of received frames.</summary>
/// <param name="TakesChains">feature-sg: frames of several pages.</param>
/// <param name="Offloads">Blank checksums, and frames that stand for several TCP segments.</param>
/// <param name="FiltersMulticast">request-multicast-control: only those multicast frames that it has asked for.</param>
/// <param name="Notifies">feature-rx-notify: it notifies this end when it adds pages for frames that may wait for them.</param>
internal sealed record FrontEndFeatures(bool TakesChains, NetworkOffloads Offloads, bool FiltersMulticast, bool Notifies = true)
{
    /// <summary>The nodes from which they are read.</summary>
    public static readonly IReadOnlyList<string> Nodes =
    [
        "request-rx-copy", "feature-sg", "feature-no-csum-offload", "feature-ipv6-csum-offload", "feature-gso-tcpv4",
        "feature-gso-tcpv6", "request-multicast-control", "feature-rx-notify",
    ];

    /// <summary>Examines an offer.</summary>
    /// <exception cref="InvalidDataException">A node makes no sense, or the front end wants to exchange pages.</exception>
    public static FrontEndFeatures Read(FrontEndOffer offer)
    {
        if (!offer.GetFlag("request-rx-copy"))
        {
            throw new InvalidDataException("the front end has no request-rx-copy, and exchanging pages is not supported");
        }

        bool takesChains = offer.GetFlag("feature-sg");
        NetworkOffloads offloads =
            Of("feature-no-csum-offload", NetworkOffloads.ChecksumV4, meansNot: true)
            | Of("feature-ipv6-csum-offload", NetworkOffloads.ChecksumV6)
            | Of("feature-gso-tcpv4", NetworkOffloads.SegmentTcpV4)
            | Of("feature-gso-tcpv6", NetworkOffloads.SegmentTcpV6);

        // A frame that stands for several segments has several pages and a blank checksum.
        if (!takesChains || !offloads.HasFlag(NetworkOffloads.ChecksumV4))
        {
            offloads &= ~NetworkOffloads.SegmentTcpV4;
        }

        if (!takesChains || !offloads.HasFlag(NetworkOffloads.ChecksumV6))
        {
            offloads &= ~NetworkOffloads.SegmentTcpV6;
        }

        return new(takesChains, offloads, offer.GetFlag("request-multicast-control"), offer.GetFlag("feature-rx-notify"));

        NetworkOffloads Of(string name, NetworkOffloads offload, bool meansNot = false) =>
            offer.GetFlag(name) != meansNot ? offload : NetworkOffloads.None;
    }
}
