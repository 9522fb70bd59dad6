using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>A packet of the address resolution protocol for IPv4 over Ethernet (RFC 826).</summary>
internal readonly record struct ArpPacket(
    bool IsRequest, MacAddress Sender, InternetAddress SenderAddress, MacAddress Target, InternetAddress TargetAddress)
{
    public const int Size = 28;

    private const ulong EthernetAndIPv4 = 0x0001_0800_0604;

    /// <summary>Reads a packet; false unless it is a request or a reply for IPv4 over Ethernet.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out ArpPacket arp)
    {
        arp = default;
        if (packet.Length < Size)
        {
            return false;
        }

        ulong head = BinaryPrimitives.ReadUInt64BigEndian(packet);
        ulong operation = head & 0xFFFF;
        if (head >> 16 != EthernetAndIPv4 || operation is not (1 or 2))
        {
            return false;
        }

        arp = new(
            operation == 1,
            new MacAddress(packet[8..14]),
            InternetAddress.Read(packet[14..18]),
            new MacAddress(packet[18..24]),
            InternetAddress.Read(packet[24..28]));
        return true;
    }

    /// <summary>Writes the packet, <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, (EthernetAndIPv4 << 16) | (IsRequest ? 1UL : 2));
        Sender.CopyTo(destination[8..]);
        SenderAddress.Write(destination[14..]);
        Target.CopyTo(destination[18..]);
        TargetAddress.Write(destination[24..]);
    }
}
