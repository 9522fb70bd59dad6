using System.Buffers.Binary;

namespace Xenlet.NetworkBench;

/// <summary>What a frame of the measurement is for.</summary>
internal enum FrameKind : byte
{
    /// <summary>Who sends asks, again and again, whether the other end is ready for a run.</summary>
    Begin = 1,

    /// <summary>It is.</summary>
    Ready,

    /// <summary>One of those that are measured.</summary>
    Data,

    /// <summary>No more will come.</summary>
    End,
}

/// <summary>The frames of the measurement: behind the addresses the type, what it is for, and the number of the run.</summary>
internal static class BenchFrame
{
    /// <summary>The EtherType that IEEE 802 leaves to local experiments.</summary>
    public const int EtherType = 0x88B5;

    /// <summary>Bytes of an Ethernet address.</summary>
    public const int AddressSize = 6;

    /// <summary>The shortest frame of Ethernet, without the check sequence.</summary>
    public const int Shortest = 60;

    private const int Header = 19;

    /// <summary>Writes all but the bytes behind, whose values do not matter.</summary>
    public static void Write(Span<byte> frame, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> source, FrameKind kind, int run)
    {
        destination.CopyTo(frame);
        source.CopyTo(frame[AddressSize..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], EtherType);
        frame[14] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(frame[15..], run);
    }

    /// <summary>What a frame of a run is for; null for any other frame.</summary>
    public static FrameKind? KindOf(ReadOnlySpan<byte> frame, int run) =>
        frame.Length >= Header
            && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == EtherType
            && BinaryPrimitives.ReadInt32LittleEndian(frame[15..]) == run
            ? (FrameKind)frame[14]
            : null;

    /// <summary>Where a frame comes from.</summary>
    public static ReadOnlySpan<byte> SourceOf(ReadOnlySpan<byte> frame) => frame.Slice(AddressSize, AddressSize);

    /// <summary>Reads an address as Linux writes it.</summary>
    public static byte[] ParseAddress(string text) => [.. text.Trim().Split(':').Select(part => Convert.FromHexString(part)[0])];
}
