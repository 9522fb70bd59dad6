using System.Buffers.Binary;

namespace Xenlet.Samples;

/// <summary>The checksum of IPv4 headers, ICMP and ICMPv6 (RFC 1071).</summary>
internal static class InternetChecksum
{
    /// <summary>Adds bytes to a sum. 64 KiB and a pseudo header are far from its overflow.</summary>
    public static uint Add(ReadOnlySpan<byte> bytes, uint sum = 0)
    {
        for (; bytes.Length >= 2; bytes = bytes[2..])
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        }

        return bytes.IsEmpty ? sum : sum + ((uint)bytes[0] << 8);
    }

    /// <summary>The checksum for a sum; of bytes that hold their right checksum already, it is 0.</summary>
    public static ushort Of(uint sum)
    {
        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
