namespace Xenlet.Net;

/// <summary>What of a stack its owner decides.</summary>
public sealed record IpStackOptions
{
    /// <summary>
    /// Between two probes for an IPv4 address (RFC 5227, section 2.1.1). The RFC has one to two seconds, for links with slow hosts; where
    /// every host is on a virtual bridge, an answer takes milliseconds, and a guest wants to start. Zero: addresses are used at once.
    /// </summary>
    public TimeSpan IPv4ProbeInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>After the solicitation for an IPv6 address (RFC 4862, section 5.1). Zero: addresses are used at once.</summary>
    public TimeSpan IPv6ProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The time to live, and the hop limit where no router says otherwise.</summary>
    public byte HopLimit { get; init; } = 64;
}
