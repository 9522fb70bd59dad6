namespace Xenlet.Net;

/// <summary>What a link's device does for the frames that a stack sends.</summary>
[Flags]
public enum LinkOffloads
{
    None = 0,

    /// <summary>Completes the checksum of TCP and UDP over IPv4.</summary>
    ChecksumIPv4 = 1,

    /// <summary>Completes the checksum of TCP and UDP over IPv6.</summary>
    ChecksumIPv6 = 2,

    /// <summary>Cuts TCP packets over IPv4 of up to 65,535 bytes into segments.</summary>
    SegmentationIPv4 = 4,

    /// <summary>Cuts TCP packets over IPv6 of up to 65,535 bytes into segments.</summary>
    SegmentationIPv6 = 8,
}
