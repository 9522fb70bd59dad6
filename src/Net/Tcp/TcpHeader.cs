using System.Buffers.Binary;

namespace Xenlet.Net.Tcp;

/// <summary>
/// The fixed fields of a TCP header (RFC 9293, section 3.1), without the checksum. The size is that of the header with its options, 20 to
/// 60 bytes.
/// </summary>
internal readonly record struct TcpHeader(
    ushort SourcePort,
    ushort DestinationPort,
    SequenceNumber Sequence,
    SequenceNumber Acknowledgment,
    TcpFlags Flags,
    ushort Window,
    ushort UrgentPointer,
    int HeaderSize)
{
    /// <summary>Bytes of a header without options.</summary>
    public const int FixedSize = 20;

    /// <summary>Bytes of the longest header.</summary>
    public const int LargestSize = 60;

    /// <summary>Where the checksum stands.</summary>
    public const int ChecksumOffset = 16;

    /// <summary>The protocol number of TCP in an IP header.</summary>
    public const byte Protocol = 6;

    /// <summary>Reads the header of a segment; false when the bytes hold none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> segment, out TcpHeader header)
    {
        header = default;
        if (segment.Length < FixedSize)
        {
            return false;
        }

        int size = (segment[12] >> 4) * 4;
        if (size < FixedSize || size > segment.Length)
        {
            return false;
        }

        header = new TcpHeader(
            BinaryPrimitives.ReadUInt16BigEndian(segment),
            BinaryPrimitives.ReadUInt16BigEndian(segment[2..]),
            new SequenceNumber(BinaryPrimitives.ReadUInt32BigEndian(segment[4..])),
            new SequenceNumber(BinaryPrimitives.ReadUInt32BigEndian(segment[8..])),
            (TcpFlags)segment[13],
            BinaryPrimitives.ReadUInt16BigEndian(segment[14..]),
            BinaryPrimitives.ReadUInt16BigEndian(segment[18..]),
            size);
        return true;
    }

    /// <summary>Writes the first 20 bytes, with a checksum of 0. The options, up to <see cref="HeaderSize"/>, are the caller's.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], Sequence.Value);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Acknowledgment.Value);
        destination[12] = (byte)(HeaderSize / 4 << 4);
        destination[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(destination[14..], Window);
        BinaryPrimitives.WriteUInt16BigEndian(destination[16..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(destination[18..], UrgentPointer);
    }
}
