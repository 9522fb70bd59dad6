using Xenlet.BackEnds;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Drivers;
using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// Packets of any content through a filter whose rules change: nothing passes that no rule has ever accepted, tables keep their limits, and
/// what the filter says of a rejected packet is a packet itself.
/// </summary>
internal static class FilterPackets
{
    private const int Most = 4;

    private static readonly MacAddress[] Hardware =
        [MacAddress.Parse("00:16:3e:00:00:01"), MacAddress.Parse("00:16:3e:00:00:02"), MacAddress.Parse("02:00:00:00:00:01")];

    private static readonly FilterRules[] Rules =
    [
        FilterRules.Parse("accept from guests; default reject"), FilterRules.Parse("accept"),
        FilterRules.Parse("accept tcp to port 0-255; accept icmp; accept icmpv6; reject"), FilterRules.None,
    ];

    public static byte[][] Tokens { get; } =
    [
        [6, 0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0], [17, 0, 1, 0, 2, 0, 9, 0, 0], [58, 0x80, 0, 0, 0, 0, 7],
        [1, 8, 0, 0, 0, 0, 7], [44, 17, 0, 0, 1, 0, 0, 0, 7], [60, 17, 0, 1, 4, 0, 0, 0, 0],
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        FilterOptions options = new() { ConnectionsPerFrontEnd = Most, ConnectionsFromOutside = Most, AnswersPerSecond = 2 };
        PacketFilter filter = new(Rules[0], options);
        FilterPort[] ports = [filter.Connect(1, Hardware[0], "lan", 0), filter.Connect(2, Hardware[1], "lan", 0), filter.Outside];
        FramePool pool = new();
        bool wasEverOpen = true;
        long now = 0;
        while (!script.AtEnd)
        {
            byte what = script.Byte();
            now += (long)(what >> 6) * script.Byte() * 1_000_000_000;
            switch (what & 7)
            {
                case 0:
                    // Only a filter that begins again has no connections that other rules have accepted.
                    filter.Rules = Rules[script.Below(Rules.Length)];
                    break;
                case 1:
                    filter = new(FilterRules.None, options);
                    ports = [filter.Connect(1, Hardware[0], "lan", now), filter.Connect(2, Hardware[1], "lan", now), filter.Outside];
                    wasEverOpen = false;
                    break;
                case 2:
                    filter.Disconnect(ports[1], now);
                    ports[1] = filter.Connect((ushort)script.Below(4), Hardware[1], "lan", now);
                    break;
                default:
                    int from = script.Below(3);
                    int to = (from + 1 + script.Below(2)) % 3;
                    using (FrameBuffer frame = Rent(pool, Make(script, what, from, to)))
                    {
                        Judge(filter, ports[from], ports[to], frame, now, wasEverOpen || filter.Rules != FilterRules.None);
                    }

                    break;
            }

            wasEverOpen |= filter.Rules != FilterRules.None;
            Assert.All(ports, port => Assert.InRange(port.Opened.Count, 0, Most));
        }
    }

    private static void Judge(PacketFilter filter, FilterPort from, FilterPort to, FrameBuffer frame, long now, bool mayPass)
    {
        if (!EthernetHeader.TryRead(frame.Data, out EthernetHeader header))
        {
            return;
        }

        byte[] before = frame.Data.ToArray();
        FilterVerdict verdict = filter.Judge(from, to, header, frame.Data, now);
        Assert.True(frame.Data.SequenceEqual(before), "the filter has changed a packet");
        PacketKind kind = FilterPacket.Read(header, frame.Data).Kind;
        Assert.True(kind != PacketKind.Malformed || verdict == FilterVerdict.Drop, "a malformed packet was not dropped");
        Assert.True(
            mayPass || verdict == FilterVerdict.Drop || kind is PacketKind.Link or PacketKind.Router, "a packet passed without a rule");
        if (verdict == FilterVerdict.Reject && filter.MayAnswer(from, now) && Rejection.TryWrite(frame))
        {
            Assert.True(EthernetHeader.TryRead(frame.Data, out EthernetHeader answer));
            FilterPacket packet = FilterPacket.Read(answer, frame.Data);
            Assert.Equal((header.Source, header.Destination), (answer.Destination, answer.Source));
            Assert.True(packet.Kind == PacketKind.Whole && packet.End == frame.Length, "an answer to a rejected packet is none");
            Assert.True(packet.Protocol != ProtocolNumber.Tcp || InternetChecksum.IsRight(frame.Data), "a reset has a wrong checksum");
        }
    }

    private static FrameBuffer Rent(FramePool pool, byte[] bytes)
    {
        FrameBuffer frame = pool.Rent(bytes.Length);
        frame.Append(bytes);
        return frame;
    }

    /// <summary>A frame of any bytes, or with a header of IP that is right.</summary>
    private static byte[] Make(Script script, byte what, int from, int to)
    {
        (InternetAddress source, InternetAddress destination) = (Address(from, what), Address(to, what));
        byte protocol = script.Byte();
        int fragment = (what & 16) != 0 ? script.UInt16() : 0;
        byte[] payload = script.Bytes(script.Byte()).ToArray();
        byte[] frame;
        switch (what & 7)
        {
            case 3:
                frame = [.. new byte[EthernetHeader.Size], .. payload];
                new EthernetHeader(Hardware[to], Hardware[from], script.Below(2) == 0 ? EtherType.IPv4 : EtherType.IPv6).Write(frame);
                return frame;
            case 4:
                frame = [.. new byte[EthernetHeader.Size + IPv6Header.Size], .. payload];
                new EthernetHeader(Hardware[to], Hardware[from], EtherType.IPv6).Write(frame);
                new IPv6Header
                {
                    PayloadLength = payload.Length,
                    NextHeader = protocol,
                    HopLimit = 255,
                    Source = source,
                    Destination = destination,
                }.Write(frame.AsSpan(EthernetHeader.Size));
                return frame;
            default:
                frame = [.. new byte[EthernetHeader.Size + IPv4Header.Size], .. payload];
                new EthernetHeader(Hardware[to], Hardware[from], EtherType.IPv4).Write(frame);
                new IPv4Header
                {
                    TotalLength = IPv4Header.Size + payload.Length,
                    Identification = (ushort)(fragment & 3),
                    HasMoreFragments = (fragment & 4) != 0,
                    FragmentOffset = fragment & 0xFF8,
                    HopLimit = 64,
                    Protocol = protocol,
                    Source = source,
                    Destination = destination,
                }.Write(frame.AsSpan(EthernetHeader.Size));
                return frame;
        }
    }

    private static InternetAddress Address(int place, byte what) => (what & 7) == 4
        ? InternetAddress.FromIPv6(0xFD00_0000_0000_0000, (ulong)place + 1)
        : InternetAddress.FromIPv4(0x0A00_0001 + (uint)place);
}
