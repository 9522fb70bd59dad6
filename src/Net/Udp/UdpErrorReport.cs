namespace Xenlet.Net;

/// <summary>An ICMP error about a datagram, as an endpoint that asks for all of them gets it (IP_RECVERR).</summary>
/// <param name="Reason">What Linux makes of it.</param>
/// <param name="Remote">Where the datagram went.</param>
/// <param name="Offender">Who has told; an address of ours when a neighbour did not answer.</param>
/// <param name="Type">The ICMP or ICMPv6 message's type.</param>
/// <param name="Code">Its code.</param>
/// <param name="Mtu">The largest packet that gets through, in bytes, when that is what it tells; else 0.</param>
public readonly record struct UdpErrorReport(
    NetworkError Reason, Endpoint Remote, InternetAddress Offender, byte Type, byte Code, int Mtu);
