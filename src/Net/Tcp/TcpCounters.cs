namespace Xenlet.Net.Tcp;

/// <summary>What a stack's TCP has counted, by the names of RFC 4022 and Linux's /proc/net/snmp and netstat.</summary>
internal sealed class TcpCounters
{
    public long ActiveOpens { get; set; }

    public long PassiveOpens { get; set; }

    public long AttemptFails { get; set; }

    public long EstabResets { get; set; }

    public long InSegs { get; set; }

    public long OutSegs { get; set; }

    public long RetransSegs { get; set; }

    public long InErrs { get; set; }

    public long OutRsts { get; set; }

    public long InCsumErrors { get; set; }

    public long ChallengeAcks { get; set; }

    public long SynCookiesSent { get; set; }

    public long SynCookiesReceived { get; set; }

    public long ListenDrops { get; set; }

    public long Timeouts { get; set; }

    public long SpuriousTimeouts { get; set; }

    public long LossProbes { get; set; }

    public long Recoveries { get; set; }

    public long RecoveriesUndone { get; set; }

    public long BlackHoles { get; set; }

    public long PawsDrops { get; set; }

    /// <summary>Connections that were ended because of an exception in the stack.</summary>
    public long Faults { get; set; }
}
