namespace Xenlet.Net.Tcp;

/// <summary>
/// What a connection knows of the data that it has under way, and of its recovery from losses. It has one only while something is under
/// way, from <see cref="TcpFlights"/>: most connections wait for their peers, and need none of this then.
/// </summary>
internal sealed class TcpFlight
{
    private SentSegments _sent;
    private Rack _rack;
    private ProportionalRateReduction _reduction;

    /// <summary>The flight of whoever has nothing under way. Nobody changes it.</summary>
    public static TcpFlight None { get; } = new();

    /// <summary>What was sent and is not acknowledged.</summary>
    public ref SentSegments Sent => ref _sent;

    public ref Rack Rack => ref _rack;

    public ref ProportionalRateReduction Reduction => ref _reduction;

    public RecoveryState Recovery { get; set; }

    /// <summary>Where the recovery ends.</summary>
    public SequenceNumber RecoveryPoint { get; set; }

    public FrtoStep Frto { get; set; }

    /// <summary>Acknowledgments in a row that did not advance, for peers without SACK.</summary>
    public int Duplicates { get; set; }

    /// <summary>Whether the recovery may turn out to have been needless.</summary>
    public bool IsUndoPossible { get; set; }

    /// <summary>Bytes sent again whose duplicates the peer has not told of.</summary>
    public int UndoRetransmissions { get; set; }

    /// <summary>The timestamp of the first retransmission; null before one.</summary>
    public uint? RetransmissionStamp { get; set; }

    /// <summary>Whether a tail loss probe waits for its answer.</summary>
    public bool IsProbeOutstanding { get; set; }

    /// <summary>Whether that probe was sent before.</summary>
    public bool IsProbeRetransmission { get; set; }

    /// <summary>The sequence number behind all that was sent when the probe was.</summary>
    public SequenceNumber ProbeEnd { get; set; }

    /// <summary>Whether nothing is under way and nothing of this matters any more.</summary>
    public bool IsOver => _sent.Count == 0 && Recovery == RecoveryState.Open && !IsProbeOutstanding;

    /// <summary>Forgets all.</summary>
    /// <param name="rings">Where the ring goes.</param>
    public void Reset(SegmentRings rings)
    {
        _sent.Clear(rings);
        _rack = default;
        _reduction = default;
        EndRecovery();
        RecoveryPoint = default;
        UndoRetransmissions = 0;
        IsProbeOutstanding = false;
        IsProbeRetransmission = false;
        ProbeEnd = default;
    }

    /// <summary>The recovery, if there was one, is over.</summary>
    public void EndRecovery()
    {
        Recovery = RecoveryState.Open;
        Frto = FrtoStep.None;
        IsUndoPossible = false;
        RetransmissionStamp = null;
        Duplicates = 0;
    }
}
