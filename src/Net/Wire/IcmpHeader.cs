using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>The header of ICMP (RFC 792) and ICMPv6 (RFC 4443), which have the same form.</summary>
/// <param name="Type">A number of <see cref="IcmpType"/> or <see cref="IcmpV6Type"/>.</param>
/// <param name="Code">What it is of its type.</param>
/// <param name="Rest">Four bytes whose meaning depends on the type.</param>
internal readonly record struct IcmpHeader(byte Type, byte Code, uint Rest)
{
    public const int Size = 8;

    /// <summary>Where the checksum lies.</summary>
    public const int ChecksumOffset = 2;

    /// <summary>Reads the header; false when the message is shorter.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out IcmpHeader header)
    {
        if (message.Length < Size)
        {
            header = default;
            return false;
        }

        header = new(message[0], message[1], BinaryPrimitives.ReadUInt32BigEndian(message[4..]));
        return true;
    }

    /// <summary>Writes the header, <see cref="Size"/> bytes, with a checksum of zero.</summary>
    public void Write(Span<byte> destination)
    {
        destination[0] = Type;
        destination[1] = Code;
        BinaryPrimitives.WriteUInt16BigEndian(destination[ChecksumOffset..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], Rest);
    }

    /// <summary>Puts the checksum into a message that has zero there; <paramref name="pseudoHeader"/> is 0 for IPv4.</summary>
    public static void WriteChecksum(Span<byte> message, ulong pseudoHeader) => BinaryPrimitives.WriteUInt16BigEndian(
        message[ChecksumOffset..], InternetChecksum.Of(InternetChecksum.Add(message, pseudoHeader)));
}
