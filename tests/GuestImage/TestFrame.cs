using System.Buffers.Binary;

namespace Xenlet.GuestImage;

/// <summary>
/// The frames of the network tests: a number, and bytes that follow from it. The guest and dom0's end compile this same file.
/// </summary>
internal static class TestFrame
{
    /// <summary>The EtherType that IEEE 802 reserves for local experiments.</summary>
    public const int EtherType = 0x88B5;

    /// <summary>Shortest and longest without MTU changes: Ethernet's own limits, without the check sequence.</summary>
    public const int Shortest = 60;

    public const int Longest = 1514;

    private const int Body = 18;

    /// <summary>The length of a frame: all from the shortest to the longest come, in no simple order.</summary>
    public static int LengthOf(int number) => Shortest + (int)(number * 577L % (Longest - Shortest + 1));

    /// <summary>Writes a frame's type, number and bytes; the sender writes the addresses.</summary>
    public static void Fill(Span<byte> frame, int number)
    {
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], EtherType);
        BinaryPrimitives.WriteInt32BigEndian(frame[14..], number);
        for (int i = Body; i < frame.Length; i++)
        {
            frame[i] = ByteAt(number, i);
        }
    }

    /// <summary>Whether a frame is of these.</summary>
    public static bool IsOne(ReadOnlySpan<byte> frame) =>
        frame.Length >= Body && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == EtherType;

    /// <summary>A frame's number, or -1 when its length or any of its bytes is not what follows from it.</summary>
    public static int NumberOf(ReadOnlySpan<byte> frame)
    {
        int number = BinaryPrimitives.ReadInt32BigEndian(frame[14..]);
        if (number < 0 || frame.Length != LengthOf(number))
        {
            return -1;
        }

        for (int i = Body; i < frame.Length; i++)
        {
            if (frame[i] != ByteAt(number, i))
            {
                return -1;
            }
        }

        return number;
    }

    private static byte ByteAt(int number, int place) => (byte)((number * 31) + (place * 7) + (place >> 8));
}
