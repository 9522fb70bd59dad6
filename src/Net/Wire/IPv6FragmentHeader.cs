using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>The fragment header of IPv6 (RFC 8200, section 4.5).</summary>
/// <param name="NextHeader">What follows in the whole packet.</param>
/// <param name="Offset">Where the fragment belongs in the part that is cut, in bytes.</param>
/// <param name="HasMore">Whether it is not the last.</param>
/// <param name="Identification">What the fragments of one packet have in common.</param>
internal readonly record struct IPv6FragmentHeader(byte NextHeader, int Offset, bool HasMore, uint Identification)
{
    public const int Size = 8;

    /// <summary>Whether the packet is whole all the same (RFC 6946).</summary>
    public bool IsAtomic => Offset == 0 && !HasMore;

    /// <summary>Reads the header; the caller has seen that there are <see cref="Size"/> bytes.</summary>
    public static IPv6FragmentHeader Read(ReadOnlySpan<byte> header)
    {
        int field = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        return new(header[0], field & 0xFFF8, (field & 1) != 0, BinaryPrimitives.ReadUInt32BigEndian(header[4..]));
    }

    /// <summary>Writes the header, <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        destination[0] = NextHeader;
        destination[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)(Offset | (HasMore ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], Identification);
    }
}
