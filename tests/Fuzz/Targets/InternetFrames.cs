using System.Buffers.Binary;
using Xenlet.Net;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// A stack on a link whose other hosts send any frames: it answers, forgets and goes on, and at its end has given all buffers back. The
/// fuzzer's bytes are put into frames whose checksums are right, since no random ones are.
/// </summary>
internal static class InternetFrames
{
    /// <summary>Buffers that may be kept: packets that wait for neighbours, and those of which fragments are missing.</summary>
    private const int MostKept = 256;

    private static readonly MacAddress Stranger = new([2, 0, 0, 0, 0, 0x99]);
    private static readonly string[] Sources4 = ["10.0.0.9", "10.0.0.254", "192.0.2.1", "0.0.0.0", "10.0.0.1", "224.0.0.1"];
    private static readonly string[] Targets4 = ["10.0.0.1", "10.0.0.255", "255.255.255.255", "224.0.0.1", "10.0.0.77"];
    private static readonly string[] Sources6 = ["fe80::9", "fd00::9", "::", "2001:db8::9", "fd00::1", "ff02::1"];
    private static readonly string[] Targets6 = ["fd00::1", "ff02::1", "ff02::1:ff00:1", "fe80::ff:fe00:1", "fd00::77"];

    public static byte[][] Tokens { get; } =
    [
        [0, 67, 0, 68], [2, 1, 6, 0], [0x63, 0x82, 0x53, 0x63], [53, 1, 2], [53, 1, 5], [54, 4, 10, 0, 0, 9], [51, 4, 0, 0, 1, 0],
        [119, 4, 1, (byte)'a', 0xC0, 0], [121, 5, 0, 10, 0, 0, 9], [134, 0, 0, 0], [135, 0, 0, 0], [136, 0, 0, 0], [3, 4, 64, 0xC0],
        [25, 3, 0, 0], [31, 2, 0, 0], [1, 1, 2, 0, 0, 0, 0, 9], [44, 0, 0, 1], [43, 0, 0, 0], [60, 0, 5, 2], [3, 4, 0, 0],
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        TestClock clock = new();
        TestWire wire = new();
        TestLink link = wire.AddLink(1);
        IpStack stack = new(clock, new TestRandom(1), new IpStackOptions { IPv4ProbeInterval = default, IPv6ProbeInterval = default });
        link.Pool = stack.Pool;
        IpInterface at = stack.AddInterface("eth0", link);
        stack.AddAddress(at, Parse("10.0.0.1"), 24);
        stack.AddAddress(at, Parse("fd00::1"), 64);
        stack.StartDhcp(at, "guest");
        stack.StartRouterDiscovery(at);
        UdpEndpoint endpoint = stack.CreateUdpEndpoint(new TestUdpUser(), isIPv6: true);
        endpoint.Bind(new Endpoint(InternetAddress.AnyIPv6, 53));
        Pass(stack, clock, 200);
        byte[] transaction = wire.Sent.Find(frame => frame.Length > 300)?[46..50] ?? new byte[4];
        while (!script.AtEnd)
        {
            switch (script.Below(8))
            {
                case 0:
                    Pass(stack, clock, script.UInt16());
                    break;
                case 1:
                    Take(link, script, EtherType.Arp, script.Bytes(script.Byte()).ToArray());
                    break;
                case 2:
                    Take(link, script, script.UInt16(), script.Bytes(script.Byte()).ToArray());
                    break;
                case 3:
                    endpoint.Send([1, 2, 3], new Endpoint(Parse(script.Below(2) == 0 ? "10.0.0.9" : "fd00::9"), 53));
                    break;
                case 4 or 5:
                    Take(link, script, EtherType.IPv4, IPv4(script, transaction));
                    break;
                default:
                    Take(link, script, EtherType.IPv6, IPv6(script));
                    break;
            }

            stack.Run();
            Assert.InRange(stack.Pool.Rented, 0, MostKept);
        }

        stack.RemoveInterface(at);
        Pass(stack, clock, 120_000);
        Assert.Equal(0, stack.Pool.Rented);
    }

    private static void Take(TestLink link, Script script, ushort type, byte[] packet)
    {
        byte[] frame = new byte[EthernetHeader.Size + packet.Length];
        bool isForMany = script.Below(2) == 1;
        new EthernetHeader(isForMany ? MacAddress.Broadcast : link.Address, Stranger, type).Write(frame);
        packet.CopyTo(frame, EthernetHeader.Size);
        link.Inbox.Enqueue(frame);
    }

    private static byte[] IPv4(Script script, byte[] transaction)
    {
        InternetAddress source = Parse(Sources4[script.Below(Sources4.Length)]);
        InternetAddress target = Parse(Targets4[script.Below(Targets4.Length)]);
        byte protocol = script.Below(4) switch { 0 => ProtocolNumber.Icmp, 1 => ProtocolNumber.Udp, 2 => ProtocolNumber.Igmp, _ => 200 };
        ushort fragment = script.Below(4) == 0 ? script.UInt16() : (ushort)0;
        byte[] data = script.Bytes(script.UInt16() % 700).ToArray();
        if (protocol == ProtocolNumber.Udp && data.Length > 8 + 28 + MacAddress.Size)
        {
            // What answers the DHCP client has its transaction and its address.
            BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), (ushort)data.Length);
            data[6] = data[7] = 0;
            transaction.CopyTo(data, 8 + 4);
            new MacAddress([2, 0, 0, 0, 0, 1]).CopyTo(data.AsSpan(8 + 28));
        }
        else if (protocol is ProtocolNumber.Icmp or ProtocolNumber.Igmp && data.Length >= 8)
        {
            data[2] = data[3] = 0;
            IcmpHeader.WriteChecksum(data, 0);
        }

        byte[] packet = new byte[IPv4Header.Size + data.Length];
        new IPv4Header
        {
            TotalLength = packet.Length,
            HopLimit = 1,
            Protocol = protocol,
            HasMoreFragments = (fragment & 1) != 0,
            FragmentOffset = fragment & 0xFFF8,
            Source = source,
            Destination = target,
        }.Write(packet);
        data.CopyTo(packet, IPv4Header.Size);
        return packet;
    }

    private static byte[] IPv6(Script script)
    {
        InternetAddress source = Parse(Sources6[script.Below(Sources6.Length)]);
        InternetAddress target = Parse(Targets6[script.Below(Targets6.Length)]);
        byte next = script.Below(2) == 0 ? ProtocolNumber.IcmpV6 : script.Byte();
        byte hopLimit = script.Below(2) == 0 ? (byte)255 : (byte)1;
        byte[] data = script.Bytes(script.Byte()).ToArray();
        if (next == ProtocolNumber.IcmpV6 && data.Length >= 8)
        {
            data[2] = data[3] = 0;
            IcmpHeader.WriteChecksum(data, InternetChecksum.PseudoHeader(source, target, next, data.Length));
        }

        byte[] packet = new byte[IPv6Header.Size + data.Length];
        new IPv6Header
        {
            PayloadLength = data.Length,
            NextHeader = next,
            HopLimit = hopLimit,
            Source = source,
            Destination = target,
        }.Write(packet);
        data.CopyTo(packet, IPv6Header.Size);
        return packet;
    }

    private static void Pass(IpStack stack, TestClock clock, int milliseconds)
    {
        long end = clock.Now + (milliseconds * 1_000_000L);
        for (int turn = 0; turn < 10_000; turn++)
        {
            bool hasMore = stack.Run();
            if (!hasMore && stack.NextDue > end)
            {
                clock.Now = end;
                return;
            }

            clock.Now = Math.Max(clock.Now, hasMore ? clock.Now : stack.NextDue);
        }

        Assert.Fail($"within {milliseconds} ms the stack has not come to rest in 10,000 turns");
    }

    private static InternetAddress Parse(string text) =>
        InternetAddress.TryParse(text, out InternetAddress address) ? address : throw new FormatException(text);
}
