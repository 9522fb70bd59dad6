namespace Xenlet.Net;

/// <summary>Counters of UDP, by the names of RFC 4113's MIB and those that /proc/net/snmp has besides.</summary>
public sealed class UdpStatistics
{
    public long InDatagrams { get; internal set; }
    public long NoPorts { get; internal set; }
    public long InErrors { get; internal set; }
    public long OutDatagrams { get; internal set; }
    public long RcvbufErrors { get; internal set; }
    public long SndbufErrors { get; internal set; }
    public long InCsumErrors { get; internal set; }
    public long IgnoredMulti { get; internal set; }
}
