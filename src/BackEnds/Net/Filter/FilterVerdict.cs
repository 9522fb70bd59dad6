namespace Xenlet.BackEnds;

/// <summary>What becomes of a packet.</summary>
public enum FilterVerdict
{
    /// <summary>It is dropped without a word.</summary>
    Drop,

    /// <summary>It is dropped, and its sender told: by a reset of TCP, else by an ICMP error "administratively prohibited".</summary>
    Reject,

    /// <summary>It passes.</summary>
    Accept,
}
