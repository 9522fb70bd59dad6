using Xenlet.BackEnds.Net;
using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>Under which addresses a front end may send that has 10.0.0.2 and fd00::2.</summary>
public sealed class SourceGuardTests
{
    private static readonly MacAddress Own = MacAddress.Parse("00:16:3e:00:00:0a");
    private static readonly MacAddress Other = MacAddress.Parse("00:16:3e:00:00:0b");

    internal static readonly (string Name, bool IsAllowed, Func<byte[]> Make)[] Frames =
    [
        ("IPv4 of its own", true, () => IPv4("10.0.0.2")),
        ("IPv4 of another", false, () => IPv4("10.0.0.3")),
        ("IPv4 without an address, as of DHCP", true, () => IPv4("0.0.0.0")),
        ("ARP of its own", true, () => Arp(Own, "10.0.0.2")),
        ("ARP that claims its own address", true, () => Arp(Own, "0.0.0.0", "10.0.0.2")),
        ("ARP that claims another's address", false, () => Arp(Own, "0.0.0.0")),
        ("ARP of another's address", false, () => Arp(Own, "10.0.0.3")),
        ("ARP of another's hardware address", false, () => Arp(Other, "10.0.0.2")),
        ("IPv6 of its own", true, () => IPv6("fd00::2", 17, [1])),
        ("IPv6 of another", false, () => IPv6("fd00::3", 17, [1])),
        ("IPv6 of a group", false, () => IPv6("ff02::1", 17, [1])),
        ("its link-local address", true, () => IPv6("fe80::216:3eff:fe00:a", 17, [1])),
        ("another link-local address", false, () => IPv6("fe80::216:3eff:fe00:b", 17, [1])),
        ("an advertisement of its own", true, () => IPv6("fd00::2", 58, Neighbour(136, "fd00::2", Own))),
        ("an advertisement of another's address", false, () => IPv6("fd00::2", 58, Neighbour(136, "fd00::3", Own))),
        ("an advertisement of another's hardware address", false, () => IPv6("fd00::2", 58, Neighbour(136, "fd00::2", Other))),
        ("a solicitation of another", true, () => IPv6("fd00::2", 58, Neighbour(135, "fd00::3", Own))),
        ("a solicitation under another's hardware address", false, () => IPv6("fd00::2", 58, Neighbour(135, "fd00::3", Other))),
        ("an advertisement of two hardware addresses", false, () =>
            IPv6("fd00::2", 58, [.. Neighbour(136, "fd00::2", Own), 2, 1, 0, 0x16, 0x3e, 0, 0, 0x0b])),
        ("an advertisement of another's address and no hardware address", false, () => IPv6("fd00::2", 58, Neighbour(136, "fd00::3"))),
        ("an advertisement with half an option", false, () => IPv6("fd00::2", 58, Neighbour(136, "fd00::2", Own)[..^1])),
        ("a claim of its own address", true, () => IPv6("::", 58, Neighbour(135, "fd00::2"))),
        ("a claim of its link-local address", true, () => IPv6("::", 58, Neighbour(135, "fe80::216:3eff:fe00:a"))),
        ("a claim of another's address", false, () => IPv6("::", 58, Neighbour(135, "fd00::3"))),
        ("a solicitation of routers", true, () =>
            IPv6("fd00::2", 58, [133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0x16, 0x3e, 0, 0, 0x0a])),
        ("a solicitation of routers under another's hardware address", false, () =>
            IPv6("fd00::2", 58, [133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0x16, 0x3e, 0, 0, 0x0b])),
        ("a report of a group", true, () => IPv6("fd00::2", 0, [58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0])),
        ("an advertisement behind options for every hop", false, () =>
            IPv6("fd00::2", 0, [58, 0, 5, 2, 0, 0, 1, 0, .. Neighbour(136, "fd00::3", Own)])),
        ("an advertisement behind options", false, () => IPv6("fd00::2", 60, [58, 0, 1, 4, 0, 0, 0, 0, .. Neighbour(136, "fd00::3", Own)])),
        ("an advertisement in a fragment", false, () => IPv6("fd00::2", 44, [58, 0, 0, 1, 0, 0, 0, 1, .. Neighbour(136, "fd00::2", Own)])),
        ("options in a fragment", false, () => IPv6("fd00::2", 44, [60, 0, 0, 1, 0, 0, 0, 1, 58, 0, 1, 4, 0, 0, 0, 0])),
        ("an echo request in a fragment", true, () => IPv6("fd00::2", 44, [58, 0, 0, 1, 0, 0, 0, 1, 128, 0, 0, 0])),
        ("UDP in a fragment", true, () => IPv6("fd00::2", 44, [17, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3])),
        ("a router advertisement", false, () => IPv6("fd00::2", 58, [134, 0, 0, 0])),
        ("a redirect", false, () => IPv6("fd00::2", 58, [137, 0, 0, 0])),
        ("ICMPv6 without a byte", false, () => IPv6("fd00::2", 58, [])),
        ("an echo request", true, () => IPv6("fd00::2", 58, [128, 0, 0, 0])),
        ("half a packet", false, () => IPv4("10.0.0.2")[..30]),
        ("no packet", false, () => IPv4("10.0.0.2")[..14]),
        ("a VLAN tag", false, () => Frame(0x8100, new byte[46])),
    ];

    public static TheoryData<string> Names => [.. Frames.Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_front_end_with_addresses_sends_under_those_alone(string name)
    {
        (string Name, bool IsAllowed, Func<byte[]> Make) one = Frames.First(frame => frame.Name == name);
        Assert.Equal(one.IsAllowed, Allows(one.Make(), "10.0.0.2", "fd00::2"));
    }

    [Fact]
    public void A_front_end_without_addresses_is_held_to_its_hardware_address_alone()
    {
        Assert.All(Frames, one => Assert.True(Allows(one.Make()), one.Name));
        byte[] frame = IPv4("10.0.0.2");
        Other.CopyTo(frame.AsSpan(6));
        Assert.False(Allows(frame));
    }

    private static bool Allows(byte[] frame, params string[] addresses)
    {
        Assert.True(EthernetHeader.TryRead(frame, out EthernetHeader header));
        return new SourceGuard(Own, [.. addresses.Select(Address)]).Allows(header, frame);
    }

    private static InternetAddress Address(string text) =>
        InternetAddress.TryParse(text, out InternetAddress address) ? address : throw new FormatException(text);

    private static byte[] IPv4(string source)
    {
        byte[] packet = new byte[28];
        new IPv4Header
        {
            TotalLength = packet.Length,
            HopLimit = 64,
            Protocol = 17,
            Source = Address(source),
            Destination = Address("10.0.0.9"),
        }.Write(packet);
        return Frame(EtherType.IPv4, packet);
    }

    private static byte[] Arp(MacAddress sender, string source, string target = "10.0.0.9")
    {
        byte[] packet = new byte[ArpPacket.Size];
        new ArpPacket(true, sender, Address(source), default, Address(target)).Write(packet);
        return Frame(EtherType.Arp, packet);
    }

    private static byte[] IPv6(string source, byte next, byte[] payload)
    {
        byte[] packet = [.. new byte[IPv6Header.Size], .. payload];
        new IPv6Header
        {
            PayloadLength = payload.Length,
            NextHeader = next,
            HopLimit = 255,
            Source = Address(source),
            Destination = Address("fd00::9"),
        }.Write(packet);
        return Frame(EtherType.IPv6, packet);
    }

    private static byte[] Neighbour(byte type, string target, MacAddress? link = null)
    {
        byte[] message = new byte[link is null ? NeighbourMessage.Size : NeighbourMessage.SizeWithAddress];
        new NeighbourMessage(0, Address(target), link).Write(message, type);
        return message;
    }

    private static byte[] Frame(ushort type, byte[] packet)
    {
        byte[] frame = [.. new byte[EthernetHeader.Size], .. packet];
        new EthernetHeader(Other, Own, type).Write(frame);
        return frame;
    }
}
