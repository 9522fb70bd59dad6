namespace Xenlet.Net;

/// <summary>What of a stack its owner decides.</summary>
public sealed record IpStackOptions
{
    /// <summary>
    /// Between two probes for an IPv4 address (RFC 5227, section 2.1.1). The RFC has one to two seconds, for links with slow hosts; where
    /// every host is on a virtual bridge, an answer takes milliseconds, and a guest wants to start. An answer that comes later, in the
    /// first second of the address's use, still ends that use. Zero: addresses are used at once, and kept.
    /// </summary>
    public TimeSpan IPv4ProbeInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>After the solicitation for an IPv6 address (RFC 4862, section 5.1). Zero: addresses are used at once.</summary>
    public TimeSpan IPv6ProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Whether packets with a source route are taken, and answered on their way back (RFC 9293, section 3.9.2.1), as Linux's setting
    /// <c>accept_source_route</c> has it. Off, as there: whoever sends one receives what is sent to an address that may not be theirs, and
    /// no filter for that address sees it. Nothing is forwarded to a next host in either case.
    /// </summary>
    public bool AcceptsSourceRoutes { get; init; }

    /// <summary>The time to live, and the hop limit where no router says otherwise.</summary>
    public byte HopLimit { get; init; } = 64;
}
