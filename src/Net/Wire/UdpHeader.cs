using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>The header of UDP (RFC 768).</summary>
/// <param name="SourcePort">The sender's port; 0 when it wants no answer.</param>
/// <param name="DestinationPort">The receiver's port.</param>
/// <param name="Length">Bytes of header and data.</param>
/// <param name="Checksum">The checksum; 0 for none.</param>
internal readonly record struct UdpHeader(ushort SourcePort, ushort DestinationPort, int Length, ushort Checksum)
{
    public const int Size = 8;

    /// <summary>Where the checksum lies.</summary>
    public const int ChecksumOffset = 6;

    /// <summary>Reads the header; false when there is none, or it says more than there is.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out UdpHeader header)
    {
        header = default;
        if (packet.Length < Size)
        {
            return false;
        }

        header = new(
            BinaryPrimitives.ReadUInt16BigEndian(packet),
            BinaryPrimitives.ReadUInt16BigEndian(packet[2..]),
            BinaryPrimitives.ReadUInt16BigEndian(packet[4..]),
            BinaryPrimitives.ReadUInt16BigEndian(packet[ChecksumOffset..]));
        return header.Length >= Size && header.Length <= packet.Length;
    }

    /// <summary>Writes the header, <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], DestinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..], (ushort)Length);
        BinaryPrimitives.WriteUInt16BigEndian(destination[ChecksumOffset..], Checksum);
    }
}
