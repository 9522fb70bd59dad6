using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Simulation;

/// <summary>A stack with its interface, and what a test writes frames with by hand.</summary>
internal sealed record TestHost(IpStack Stack, IpInterface Interface, TestLink Link)
{
    /// <summary>A frame to this host's interface.</summary>
    public byte[] Frame(ushort type, MacAddress source, ReadOnlySpan<byte> packet, MacAddress? destination = null)
    {
        byte[] frame = new byte[EthernetHeader.Size + packet.Length];
        new EthernetHeader(destination ?? Link.Address, source, type).Write(frame);
        packet.CopyTo(frame.AsSpan(EthernetHeader.Size));
        return frame;
    }

    /// <summary>Lets a frame arrive at this host.</summary>
    public void Take(byte[] frame) => Link.Inbox.Enqueue(frame);

    /// <summary>Lets a stranger say that it has an address of IPv4.</summary>
    public void TakeClaim(string address)
    {
        byte[] packet = new byte[ArpPacket.Size];
        InternetAddress claimed = TestNetwork.Parse(address);
        new ArpPacket(false, Stranger, claimed, default, claimed).Write(packet);
        Take(Frame(EtherType.Arp, Stranger, packet));
    }

    /// <summary>Lets an IPv4 packet arrive.</summary>
    public void TakeIPv4(
        string source,
        string destination,
        byte protocol,
        ReadOnlySpan<byte> data,
        int fragmentOffset = 0,
        bool hasMore = false,
        ushort identification = 1,
        MacAddress? frameDestination = null)
    {
        byte[] packet = new byte[IPv4Header.Size + data.Length];
        new IPv4Header
        {
            TotalLength = packet.Length,
            Identification = identification,
            FragmentOffset = fragmentOffset,
            HasMoreFragments = hasMore,
            HopLimit = 64,
            Protocol = protocol,
            Source = TestNetwork.Parse(source),
            Destination = TestNetwork.Parse(destination),
        }.Write(packet);
        data.CopyTo(packet.AsSpan(IPv4Header.Size));
        Take(Frame(EtherType.IPv4, Stranger, packet, frameDestination));
    }

    /// <summary>Lets an IPv6 packet arrive.</summary>
    public void TakeIPv6(
        string source, string destination, byte nextHeader, ReadOnlySpan<byte> data, byte hopLimit = 64, MacAddress? from = null)
    {
        byte[] packet = new byte[IPv6Header.Size + data.Length];
        InternetAddress target = TestNetwork.Parse(destination);
        new IPv6Header
        {
            PayloadLength = data.Length,
            NextHeader = nextHeader,
            HopLimit = hopLimit,
            Source = TestNetwork.Parse(source),
            Destination = target,
        }.Write(packet);
        data.CopyTo(packet.AsSpan(IPv6Header.Size));
        Take(Frame(EtherType.IPv6, from ?? Stranger, packet, target.IsMulticast ? MacAddress.OfGroup(target) : null));
    }

    /// <summary>The hardware address of whoever sends frames that a test has written by hand.</summary>
    public static MacAddress Stranger { get; } = new([2, 0, 0, 0, 0, 0x99]);

    /// <summary>An ICMP message with its checksum.</summary>
    public static byte[] Icmp(byte type, byte code, uint rest, ReadOnlySpan<byte> data)
    {
        byte[] message = new byte[IcmpHeader.Size + data.Length];
        new IcmpHeader(type, code, rest).Write(message);
        data.CopyTo(message.AsSpan(IcmpHeader.Size));
        IcmpHeader.WriteChecksum(message, 0);
        return message;
    }

    /// <summary>Puts the checksum into an ICMPv6 message that has zero there.</summary>
    public static byte[] WithIcmpV6Checksum(byte[] message, string source, string destination)
    {
        IcmpHeader.WriteChecksum(message, InternetChecksum.PseudoHeader(
            TestNetwork.Parse(source), TestNetwork.Parse(destination), ProtocolNumber.IcmpV6, message.Length));
        return message;
    }

    /// <summary>A UDP packet without checksum.</summary>
    public static byte[] Udp(ushort source, ushort destination, ReadOnlySpan<byte> data)
    {
        byte[] packet = new byte[UdpHeader.Size + data.Length];
        new UdpHeader(source, destination, packet.Length, 0).Write(packet);
        data.CopyTo(packet.AsSpan(UdpHeader.Size));
        return packet;
    }
}
