namespace Xenlet.Net.Tcp;

/// <summary>
/// The receive sequence variables (RFC 9293, section 3.3.1), and others that are places in what arrives; together as
/// <see cref="SendVariables"/> are.
/// </summary>
internal struct ReceiveVariables
{
    /// <summary>RCV.NXT: the first sequence number that has not arrived.</summary>
    public SequenceNumber Next;

    /// <summary>The end of the window that the peer was told of: RCV.NXT + RCV.WND.</summary>
    public SequenceNumber Advertised;

    /// <summary>What was acknowledged last.</summary>
    public SequenceNumber LastAcknowledged;

    /// <summary>The peer's FIN, when it came before its turn.</summary>
    public SequenceNumber Fin;

    /// <summary>RCV.UP: the last urgent byte; of no meaning when there is none.</summary>
    public SequenceNumber UrgentMark;

    /// <summary>TS.Recent (RFC 7323, section 4.3): the timestamp to be echoed.</summary>
    public uint RecentTimestamp;
}
