namespace Xenlet.Net.Tcp;

/// <summary>How a sender recovers from a loss.</summary>
internal enum RecoveryState : byte
{
    /// <summary>Nothing is known to be lost.</summary>
    Open,

    /// <summary>What acknowledgments tell to be lost is sent again (RFC 6937, RFC 6582).</summary>
    Recovery,

    /// <summary>After a time-out.</summary>
    Loss,
}

/// <summary>The steps by which a time-out that came of a delay is found out (RFC 5682).</summary>
internal enum FrtoStep : byte
{
    None,

    /// <summary>The first segment was sent again: the next acknowledgment tells whether it was lost.</summary>
    Retransmitted,

    /// <summary>It has advanced, and new data was sent.</summary>
    NewDataSent,
}
