using System.Buffers.Binary;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>Frames that stand for several segments of TCP.</summary>
internal static class TcpFrames
{
    /// <summary>The bytes of all headers.</summary>
    public static int HeaderSize(bool isIPv6) => 14 + (isIPv6 ? 40 : 20) + 32;

    /// <summary>
    /// A frame with a TCP header of 32 bytes, whose flags are CWR, ACK, PSH and FIN, and with random data. Its checksum is the pseudo
    /// header's.
    /// </summary>
    public static byte[] Make(bool isIPv6, int dataLength, int seed = 1)
    {
        int ipLength = isIPv6 ? 40 : 20;
        byte[] frame = new byte[HeaderSize(isIPv6) + dataLength];
        new byte[] { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 }.CopyTo(frame, 0);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), isIPv6 ? EtherType.IPv6 : EtherType.IPv4);
        Span<byte> ip = frame.AsSpan(14);
        if (isIPv6)
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(ip.Length - 40));
            (ip[6], ip[7]) = (6, 64);
            ip[8..40].Fill(0x2A);
        }
        else
        {
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], 0xFFFE);
            (ip[8], ip[9]) = (64, 6);
            new byte[] { 10, 0, 0, 1, 10, 0, 0, 2 }.CopyTo(ip[12..]);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Of(InternetChecksum.Add(ip[..20])));
        }

        Span<byte> tcp = ip[ipLength..];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, 1000);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], 80);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], 0xFFFF_FF00);
        (tcp[12], tcp[13]) = (0x80, 0x99);
        tcp[20..32].Fill(1);
        new Random(seed).NextBytes(tcp[32..]);
        Assert.True(InternetChecksum.TryFillPseudoHeader(frame));
        return frame;
    }
}
