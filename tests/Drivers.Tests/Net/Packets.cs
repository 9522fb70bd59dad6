using System.Buffers.Binary;

namespace Xenlet.Drivers.Tests;

/// <summary>Frames that hold something.</summary>
internal static class Packets
{
    /// <summary>A UDP datagram with a right checksum, which is computed here in another way than in the driver.</summary>
    public static byte[] Udp(bool ipv6, ReadOnlySpan<byte> payload)
    {
        int header = ipv6 ? 40 : 20;
        byte[] frame = new byte[14 + header + 8 + payload.Length];
        new byte[] { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 }.CopyTo(frame, 0);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), (ushort)(ipv6 ? 0x86DD : 0x0800));
        Span<byte> ip = frame.AsSpan(14);
        Span<byte> udp = ip[header..];
        if (ipv6)
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)udp.Length);
            ip[6] = 17;
            ip[7] = 64;
            for (int i = 8; i < 40; i++)
            {
                ip[i] = (byte)(i * 7);
            }
        }
        else
        {
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(20 + udp.Length));
            ip[8] = 64;
            ip[9] = 17;
            new byte[] { 10, 0, 0, 1, 10, 0, 0, 2 }.CopyTo(ip[12..]);
        }

        BinaryPrimitives.WriteUInt16BigEndian(udp, 1000);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], 2000);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        payload.CopyTo(udp[8..]);
        List<byte> summed = [.. ipv6 ? ip[8..40] : ip[12..20], 0, 17, (byte)(udp.Length >> 8), (byte)udp.Length, .. udp];
        if (summed.Count % 2 != 0)
        {
            summed.Add(0);
        }

        long sum = 0;
        for (int i = 0; i < summed.Count; i += 2)
        {
            sum += (summed[i] * 256) + summed[i + 1];
        }

        // Ones' complement is arithmetic modulo 65535.
        long rest = 65535 - (sum % 65535);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], (ushort)rest);
        return frame;
    }
}
