using Xenlet.BackEnds.Net.Filter;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Net.Filter;

/// <summary>What the filter reads of a frame.</summary>
public sealed class FilterPacketTests
{
    private const string A = "10.0.0.2:1000";
    private const string B = "10.0.0.1:80";
    private const string A6 = "[fd00::2]:1000";
    private const string B6 = "[fd00::1]:80";

    private static readonly (string Name, string Kind, Func<byte[]> Make)[] Frames =
    [
        ("TCP", "Whole", () => Packets.Tcp(A, B, "S", 1)),
        ("TCP over IPv6", "Whole", () => Packets.Tcp(A6, B6, "S", 1)),
        ("TCP without a flag", "Malformed", () => Packets.Tcp(A, B, "", 1)),
        ("TCP with SYN and FIN", "Malformed", () => Packets.Tcp(A, B, "SF", 1)),
        ("TCP with SYN and RST", "Malformed", () => Packets.Tcp(A, B, "SR", 1)),
        ("TCP with FIN alone", "Malformed", () => Packets.Tcp(A, B, "F", 1)),
        ("half a header of TCP", "Malformed", () => Packets.Ip("10.0.0.2", "10.0.0.1", 6, new byte[19])),
        ("a header of TCP that is longer than the packet", "Malformed", () =>
            Packets.Ip("10.0.0.2", "10.0.0.1", 6, [.. new byte[12], 0xF0, 2, .. new byte[6]])),
        ("UDP", "Whole", () => Packets.Udp(A, B)),
        ("half a header of UDP", "Malformed", () => Packets.Ip("10.0.0.2", "10.0.0.1", 17, new byte[7])),
        ("UDP that is longer than the packet", "Malformed", () => Packets.Ip("10.0.0.2", "10.0.0.1", 17, [0, 1, 0, 2, 0, 9, 0, 0])),
        ("an echo request", "Whole", () => Packets.Echo("10.0.0.2", "10.0.0.1", true, 1)),
        ("half a message of ICMP", "Malformed", () => Packets.Ip("10.0.0.2", "10.0.0.1", 1, new byte[7])),
        ("ICMPv6 over IPv4", "Malformed", () => Packets.Ip("10.0.0.2", "10.0.0.1", 58, new byte[8])),
        ("ICMP over IPv6", "Malformed", () => Packets.Ip("fd00::2", "fd00::1", 1, new byte[8])),
        ("another protocol", "Whole", () => Packets.Ip("10.0.0.2", "10.0.0.1", 50, [1])),
        ("a wrong checksum of IPv4", "Malformed", () => Changed(Packets.Udp(A, B), 14 + 8, 1)),
        ("a source route", "Malformed", () => Options([131, 7, 4, 1, 2, 3, 4, 0])),
        ("a router alert", "Whole", () => Options([148, 4, 0, 0])),
        ("options that do not fit", "Malformed", () => Options([7, 9, 0, 0])),
        ("a packet longer than its frame", "Malformed", () => Packets.Udp(A, B)[..^1]),
        ("a packet with padding", "Whole", () => [.. Packets.Udp(A, B), .. new byte[20]]),
        ("half a header of IPv4", "Malformed", () => Packets.Udp(A, B)[..30]),
        ("from a group", "Malformed", () => Packets.Udp("224.0.0.1:1", B)),
        ("the first fragment of UDP", "FirstFragment", () => Packets.Fragment(Packets.Udp(A, B, 200), 0, 104)),
        ("another fragment of UDP", "LaterFragment", () => Packets.Fragment(Packets.Udp(A, B, 200), 104, 104)),
        ("a first fragment without a whole header", "Malformed", () => Packets.Fragment(Packets.Udp(A, B, 200), 0, 7)),
        ("a fragment over the first one's headers", "Malformed", () => Packets.Fragment(Packets.Udp(A, B, 200), 56, 152)),
        ("TCP in fragments", "Malformed", () => Packets.Fragment(Packets.Tcp(A, B, "S", 1, length: 200), 0, 104)),
        ("a fragment behind 65,535 bytes", "Malformed", () => Packets.Fragment(Packets.Udp(A, B, 200), 104, 104, at: 65_528)),
        ("the first fragment over IPv6", "FirstFragment", () => Packets.Fragment(Packets.Udp(A6, B6, 200), 0, 104)),
        ("another fragment over IPv6", "LaterFragment", () => Packets.Fragment(Packets.Udp(A6, B6, 200), 104, 104)),
        ("a fragment header around a whole packet", "Whole", () => Packets.Fragment(Packets.Udp(A6, B6, 200), 0, 208)),
        ("TCP in a fragment header", "Whole", () => Packets.Fragment(Packets.Tcp(A6, B6, "S", 1), 0, 20)),
        ("a fragment over the first one's headers in IPv6", "Malformed", () => Packets.Fragment(Packets.Udp(A6, B6, 200), 8, 200)),
        ("a fragment header in a fragment", "Malformed", () =>
            Packets.Ip("fd00::2", "fd00::1", 44, [44, 0, 0, 0, 0, 0, 0, 1, 17, 0, 0, 0, 0, 0, 0, 1, .. new byte[8]])),
        ("half a fragment header", "Malformed", () => Packets.Ip("fd00::2", "fd00::1", 44, [17, 0, 0, 0])),
        ("an ICMP error in fragments", "Malformed", () =>
            Packets.Fragment(Packets.Icmp("10.0.0.2", "10.0.0.1", 3, more: new byte[200]), 0, 104)),
        ("UDP behind options", "Whole", () => Packets.Ip("fd00::2", "fd00::1", 60, [17, 0, 1, 4, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0, 0])),
        ("nine headers of options", "Malformed", () =>
            Packets.Ip("fd00::2", "fd00::1", 60,
            [
                .. Enumerable.Repeat<byte[]>([60, 0, 1, 4, 0, 0, 0, 0], 8).SelectMany(header => header),
                17, 0, 1, 4, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0, 0,
            ])),
        ("a routing header with a way to go", "Malformed", () =>
            Packets.Ip("fd00::2", "fd00::1", 43, [17, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0, 0])),
        ("no next header", "Malformed", () => Packets.Ip("fd00::2", "fd00::1", 59, [])),
        ("an IPv4-mapped address", "Malformed", () =>
            Changed(Packets.Udp("[64:ff9b::1]:1", B6), 14 + 8, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])),
        ("ARP", "Link", () => Packets.Frame(EtherType.Arp, [0, 1, 8, 0, 6, 4, 0, 1, .. new byte[20]])),
        ("ARP for another protocol", "Malformed", () => Packets.Frame(EtherType.Arp, [0, 1, 8, 6, 6, 4, 0, 1, .. new byte[20]])),
        ("a solicitation", "Link", () => Packets.Icmp("fd00::2", "ff02::1:ff00:1", 135, more: new byte[16])),
        ("a solicitation from behind a router", "Malformed", () =>
            Changed(Packets.Icmp("fd00::2", "fd00::1", 135, more: new byte[16]), 14 + 7, 254)),
        ("a solicitation in fragments", "Malformed", () =>
            Packets.Fragment(Packets.Icmp("fd00::2", "fd00::1", 135, more: new byte[200]), 0, 104)),
        ("a solicitation in a fragment header", "Malformed", () =>
            Packets.Fragment(Packets.Icmp("fd00::2", "fd00::1", 135, more: new byte[16]), 0, 24)),
        ("a router advertisement", "Router", () => Packets.Icmp("fe80::1", "ff02::1", 134, more: new byte[8])),
        ("a report of a group", "Link", () =>
            Changed(Packets.Ip("fe80::1", "ff02::16", 0, [58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0]), 14 + 7, 1)),
        ("a VLAN tag", "Malformed", () => Packets.Frame(0x8100, [0, 1, 8, 0, .. Packets.PacketOf(Packets.Udp(A, B))])),
        ("nothing behind the header", "Malformed", () => Packets.Frame(EtherType.IPv4, [])),
    ];

    public static TheoryData<string> Names => [.. Frames.Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_frame_is_of_this_kind(string name)
    {
        (string _, string kind, Func<byte[]> make) = Frames.First(frame => frame.Name == name);
        byte[] frame = make();
        Assert.True(EthernetHeader.TryRead(frame, out EthernetHeader header));
        Assert.Equal(kind, FilterPacket.Read(header, frame).Kind.ToString());
    }

    private static byte[] Changed(byte[] frame, int at, params byte[] bytes)
    {
        bytes.CopyTo(frame, at);
        return frame;
    }

    /// <summary>A packet of another protocol with options of IPv4.</summary>
    private static byte[] Options(byte[] options)
    {
        byte[] frame = Packets.Ip("10.0.0.2", "10.0.0.1", 50, options);
        Span<byte> ip = frame.AsSpan(EthernetHeader.Size);
        ip[0] = (byte)(0x45 + (options.Length / 4));
        ip[10..12].Clear();
        ushort sum = InternetChecksum.Of(InternetChecksum.Add(ip[..(20 + options.Length)]));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(ip[10..], sum);
        return frame;
    }
}
