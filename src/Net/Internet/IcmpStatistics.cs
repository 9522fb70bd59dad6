namespace Xenlet.Net;

/// <summary>Counters of ICMP or ICMPv6, by the names that /proc/net/snmp has for them.</summary>
public sealed class IcmpStatistics
{
    /// <summary>Received messages whose checksum is right, by their types.</summary>
    private readonly long[] _received = new long[256];

    private readonly long[] _sent = new long[256];

    public long InMsgs { get; internal set; }
    public long InErrors { get; internal set; }
    public long InCsumErrors { get; internal set; }
    public long InDestUnreachs { get; internal set; }
    public long InTimeExcds { get; internal set; }
    public long InParmProbs { get; internal set; }
    public long InPktTooBigs { get; internal set; }
    public long InRedirects { get; internal set; }
    public long InEchos { get; internal set; }
    public long InEchoReps { get; internal set; }
    public long OutMsgs { get; internal set; }
    public long OutRateLimitGlobal { get; internal set; }
    public long OutDestUnreachs { get; internal set; }
    public long OutTimeExcds { get; internal set; }
    public long OutParmProbs { get; internal set; }
    public long OutEchoReps { get; internal set; }

    /// <summary>How many messages of a type have arrived with the right checksum.</summary>
    public long Received(byte type) => _received[type];

    /// <summary>How many messages of a type were sent.</summary>
    public long Sent(byte type) => _sent[type];

    internal void CountReceived(byte type) => _received[type]++;

    internal void CountSent(byte type)
    {
        OutMsgs++;
        _sent[type]++;
    }
}
