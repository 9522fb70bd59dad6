namespace Xenlet.Net;

/// <summary>Counters of IPv4 or IPv6, by the names of RFC 4293's MIB, as /proc/net/snmp and /proc/net/snmp6 have them.</summary>
public sealed class IpStatistics
{
    public long InReceives { get; internal set; }
    public long InHdrErrors { get; internal set; }
    public long InAddrErrors { get; internal set; }
    public long InUnknownProtos { get; internal set; }
    public long InDelivers { get; internal set; }
    public long OutRequests { get; internal set; }
    public long OutNoRoutes { get; internal set; }
    public long ReasmTimeout { get; internal set; }
    public long ReasmReqds { get; internal set; }
    public long ReasmOKs { get; internal set; }
    public long ReasmFails { get; internal set; }
    public long FragOKs { get; internal set; }
    public long FragFails { get; internal set; }
    public long FragCreates { get; internal set; }
}
