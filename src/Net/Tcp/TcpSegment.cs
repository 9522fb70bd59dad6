using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <summary>
/// A segment that has arrived: its header, options and data. It may stand for several segments that the device has joined.
/// </summary>
internal readonly ref struct TcpSegment(TcpHeader header, in TcpOptions options, SegmentData data)
{
    public readonly TcpOptions Options = options;

    /// <summary>The way back of a segment that has come by a source route; null otherwise.</summary>
    public SourceRoute? WayBack { get; init; }

    public TcpHeader Header { get; } = header;

    public SegmentData Data { get; } = data;

    public SequenceNumber Sequence => Header.Sequence;

    public SequenceNumber Acknowledgment => Header.Acknowledgment;

    /// <summary>What the segment takes of the sequence space: its data, SYN and FIN.</summary>
    public int Length => Data.Length + (Has(TcpFlags.Syn) ? 1 : 0) + (Has(TcpFlags.Fin) ? 1 : 0);

    /// <summary>The sequence number behind the segment.</summary>
    public SequenceNumber End => Sequence + Length;

    public bool Has(TcpFlags flags) => (Header.Flags & flags) != 0;
}
