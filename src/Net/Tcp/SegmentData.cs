namespace Xenlet.Net.Tcp;

/// <summary>The data of a segment that has arrived, or a part of it, wherever its packet has it.</summary>
/// <param name="packet">The packet.</param>
/// <param name="start">Where the data begins in the packet.</param>
/// <param name="length">Bytes of data.</param>
internal readonly struct SegmentData(PacketBuffer packet, int start, int length)
{
    public int Length => length;

    public bool IsEmpty => length == 0;

    /// <summary>Whether all of it is with the packet, so that <see cref="Span"/> copies nothing.</summary>
    public bool IsSettled => packet.Head.Length == packet.Length;

    /// <summary>The bytes, which the packet has from now on if they were elsewhere.</summary>
    public ReadOnlySpan<byte> Span => packet.Data.Slice(start, length);

    /// <summary>A part of it; with it a range does the same.</summary>
    public SegmentData Slice(int from, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)from, (uint)length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(length - from));
        return new(packet, start + from, count);
    }

    /// <summary>Hands it to a receiver from where it lies.</summary>
    /// <returns>What the receiver answers.</returns>
    public bool Lend(IPieceReceiver receiver) => packet.Lend(start, length, receiver);
}
