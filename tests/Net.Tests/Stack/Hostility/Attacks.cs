using System.Buffers.Binary;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Stack.Hostility;

/// <summary>The table of attacks. Each takes its random numbers from the number of the frame, so that it is the same each time.</summary>
internal static class Attacks
{
    private const string Us = "10.0.0.1";
    private const string Us6 = "fd00::1";
    private const string Friend = "10.0.0.2";

    /// <summary>No attack: what the friend's connections cost alone.</summary>
    public static Attack None { get; } = new("none", 0, (_, _) => { });

    public static IReadOnlyList<Attack> All { get; } =
    [
        new("SYNs of strangers beyond the router", 1.1, (network, i) => Syn(network, Far(i), i, Us), MostKibibytes: 64),
        new("SYNs of strangers on the link", 1.1, (network, i) => Syn(network, Near(i), i, Us), MostKibibytes: 220),
        new("SYNs of strangers over IPv6", 1.1, (network, i) => Syn(network, $"2001:db8::{i:x}:9", i, Us6), MostKibibytes: 64),
        new("SYNs with options of any content", 1.1, SynWithAnyOptions, MostKibibytes: 64),
        new("connections whose window stays closed", 0.6, Hoard, MostKibibytes: 180),
        new("acknowledgments of nothing", 1.0, (network, i) => Tcp(network, Far(i), 1_000, Rand(i), TcpFlags.Ack)),
        new("resets guessed", 0.05, (network, i) => Guess(network, i, TcpFlags.Rst, 0)),
        new("SYNs into a connection", 0.05, (network, i) => Guess(network, i, TcpFlags.Syn, 0)),

        // Data from before the window is acknowledged each time, as on Linux: a peer that has lost an acknowledgment needs another.
        new("data guessed", 0.6, (network, i) => Guess(network, i, TcpFlags.Ack, 1_000)),

        // Behind what may have arrived since the acknowledgment that was overheard: a reset at what is expected next ends a connection.
        new("resets in the window", 0.05, (network, i) => Overheard(network, i, TcpFlags.Rst, 1_001 + (i % 1_000))),
        new("SYNs in the window", 0.05, (network, i) => Overheard(network, i, TcpFlags.Syn, 1 + (i % 1_000))),
        new("acknowledgments that ask for one", 0.05, (network, i) => Overheard(network, i, TcpFlags.Ack, -1)),
        new("acknowledgments of what was not sent", 0.05, (network, i) => Overheard(network, i, TcpFlags.Ack, 0, ahead: 1_000 + i)),
        new("SACK of any content", 0.05, (network, i) => Overheard(network, i, TcpFlags.Ack, 0, sackBlocks: 3)),
        new("fragments without an end", 0.05, (network, i) => network.Victim.TakeIPv4(
            Far(i), Us, ProtocolNumber.Udp, new byte[1_000], 8 * (i % 3), true, (ushort)i), MostKibibytes: 1100),
        new("fragments that overlap", 0.05, (network, i) => network.Victim.TakeIPv4(
            Far(0), Us, ProtocolNumber.Udp, new byte[8 + (8 * (i % 7))], 8 * (i * 7 % 60), i % 11 != 0, (ushort)(i / 40)),
            MostKibibytes: 80),
        new("fragments of IPv6 without an end", 0.05, Fragment6, MostKibibytes: 1100),
        new("ARP requests of strangers", 1.0, (network, i) => Arp(network, true, Near(i), Us), MostKibibytes: 90),
        new("ARP replies that nobody has asked for", 0, (network, i) => Arp(network, false, Near(i), Us)),
        new("claims of our address", 0.05, (network, i) => Arp(network, true, Us, Us)),
        new("neighbour solicitations of strangers", 1.0, (network, i) => Neighbour(
            network, i, IcmpV6Type.NeighbourSolicitation, Us6), MostKibibytes: 90),
        new("neighbour advertisements", 0, (network, i) => Neighbour(
            network, i, IcmpV6Type.NeighbourAdvertisement, $"fd00::{(i % 60_000) + 16:x}")),
        new("router advertisements", 0.1, RouterAdvertisement, MostKibibytes: 16),
        new("forged ICMP errors", 0, ForgedError),
        new("forged ICMPv6 errors", 0, ForgedError6),
        new("pings", 1.0, (network, i) => network.Victim.TakeIPv4(
            Far(i), Us, ProtocolNumber.Icmp, TestHost.Icmp(IcmpType.EchoRequest, 0, 1, new byte[1_000]))),
        new("datagrams to shut ports", 0.12, (network, i) => network.Victim.TakeIPv4(
            Far(i), Us, ProtocolNumber.Udp, TestHost.Udp(9, (ushort)(1_000 + i), new byte[100]))),
        new("protocols that nobody speaks", 0.12, (network, i) => network.Victim.TakeIPv4(
            Far(i), Us, (byte)(100 + (i % 100)), new byte[50])),
        new("questions for groups", 0.1, GroupQuery),
        new("answers of DHCP", 0.05, DhcpAnswer),
        new("bytes of any content", 0, (network, i) =>
        {
            byte[] packet = new byte[i % 100];
            new Random(i).NextBytes(packet);
            network.Victim.Take(network.Victim.Frame(i % 2 == 0 ? EtherType.IPv4 : EtherType.IPv6, TestHost.Stranger, packet));
        }),
    ];

    private static uint Rand(int i) => (uint)new Random(i).NextInt64(1L << 32);

    private static string Far(int i) => $"203.0.{(i / 250) % 250}.{1 + (i % 250)}";

    private static string Near(int i) => $"10.0.{4 + ((i / 250) % 250)}.{1 + (i % 250)}";

    private static void Syn(HostileNetwork network, string source, int i, string destination)
    {
        TcpOptions options = new() { MaximumSegmentSize = 1_460, HasTimestamps = i % 2 == 0, TimestampValue = 1 };
        Tcp(network, source, (ushort)(1_000 + (i % 60_000)), Rand(i), TcpFlags.Syn, options: Written(options), destination: destination);
    }

    private static void SynWithAnyOptions(HostileNetwork network, int i)
    {
        Random random = new(i);
        byte[] options = new byte[4 * random.Next(11)];
        random.NextBytes(options);
        if (options.Length >= 12)
        {
            // A maximum segment size of next to nothing, or all; a scale beyond all.
            new byte[] { 2, 4, 0, (byte)random.Next(2), 3, 3, 255, 8, 10 }.CopyTo(options, 0);
        }

        Tcp(network, Far(i), 1_000, Rand(i), TcpFlags.Syn, options: options);
    }

    /// <summary>Opens connections, by the sequence numbers that come back, and never opens their windows.</summary>
    private static void Hoard(HostileNetwork network, int i)
    {
        string source = Far(i / 2);
        ushort port = (ushort)(1_000 + (i / 2 % 60_000));
        if (i % 2 == 0)
        {
            Tcp(network, source, port, Rand(i), TcpFlags.Syn);
            network.Victim.Stack.Run();
        }
        else if (network.LastSynAnswer is { Header: { } answer } && answer.DestinationPort == port)
        {
            Tcp(network, source, port, answer.Acknowledgment.Value, TcpFlags.Ack, answer.Sequence.Value + 1);
        }
    }

    /// <summary>A segment of the friend's ports, whose numbers are a guess.</summary>
    private static void Guess(HostileNetwork network, int i, TcpFlags flags, int length)
    {
        TcpOptions options = new() { HasTimestamps = true, TimestampValue = Rand(i + 1), TimestampEcho = Rand(i + 2) };
        Tcp(
            network, Friend, HostileNetwork.FriendPort, Rand(i), flags, Rand(-i - 1), new byte[length], Written(options));
    }

    /// <summary>An empty segment of the friend's ports by somebody who has heard the last one to it.</summary>
    /// <param name="network">Where.</param>
    /// <param name="i">The number of the frame.</param>
    /// <param name="flags">What it says.</param>
    /// <param name="from">Where it begins, from what we have acknowledged last.</param>
    /// <param name="ahead">By how much it acknowledges more than was sent.</param>
    /// <param name="sackBlocks">How many blocks around what was sent it claims to have.</param>
    private static void Overheard(HostileNetwork network, int i, TcpFlags flags, int from, int ahead = 0, int sackBlocks = 0)
    {
        Random random = new(i);
        (TcpHeader last, TcpOptions heard) = network.LastToFriend;
        TcpOptions options = new()
        {
            HasTimestamps = true,
            TimestampValue = heard.TimestampEcho,
            TimestampEcho = heard.TimestampValue,
        };
        for (int block = 0; block < sackBlocks; block++)
        {
            SequenceNumber start = last.Sequence + random.Next(-5_000, 5_000);
            options.AddSack(new SackBlock(start, start + random.Next(-10, 3_000)));
        }

        Tcp(
            network, Friend, HostileNetwork.FriendPort, (last.Acknowledgment + from).Value, flags, (last.Sequence + ahead).Value,
            options: Written(options), window: 500);
    }

    private static byte[] Written(in TcpOptions options)
    {
        byte[] bytes = new byte[options.Size];
        options.Write(bytes);
        return bytes;
    }

    private static void Tcp(
        HostileNetwork network,
        string source,
        ushort port,
        uint sequence,
        TcpFlags flags,
        uint acknowledgment = 0,
        byte[]? data = null,
        byte[]? options = null,
        string destination = Us,
        ushort window = 0)
    {
        options ??= [];
        data ??= [];
        int size = TcpHeader.FixedSize + options.Length;
        byte[] segment = new byte[size + data.Length];
        new TcpHeader(
            port, HostileNetwork.Port, new SequenceNumber(sequence), new SequenceNumber(acknowledgment), flags, window, 0, size)
            .Write(segment);
        options.CopyTo(segment, TcpHeader.FixedSize);
        data.CopyTo(segment, size);
        InternetAddress from = TestNetwork.Parse(source);
        InternetAddress to = TestNetwork.Parse(destination);
        ulong sum = InternetChecksum.Add(segment, InternetChecksum.PseudoHeader(from, to, TcpHeader.Protocol, segment.Length));
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(TcpHeader.ChecksumOffset), InternetChecksum.Of(sum));
        if (from.IsIPv4)
        {
            network.Victim.TakeIPv4(source, destination, TcpHeader.Protocol, segment);
        }
        else
        {
            network.Victim.TakeIPv6(source, destination, TcpHeader.Protocol, segment);
        }
    }

    private static void Fragment6(HostileNetwork network, int i)
    {
        byte[] data = new byte[IPv6FragmentHeader.Size + 1_000];
        new IPv6FragmentHeader(ProtocolNumber.Udp, 8 * (i % 3), true, (uint)i).Write(data);
        network.Victim.TakeIPv6("2001:db8::9", Us6, ProtocolNumber.Fragment, data);
    }

    private static void Arp(HostileNetwork network, bool isRequest, string sender, string target)
    {
        byte[] packet = new byte[ArpPacket.Size];
        new ArpPacket(isRequest, TestHost.Stranger, TestNetwork.Parse(sender), default, TestNetwork.Parse(target)).Write(packet);
        network.Victim.Take(network.Victim.Frame(EtherType.Arp, TestHost.Stranger, packet, MacAddress.Broadcast));
    }

    private static void Neighbour(HostileNetwork network, int i, byte type, string target)
    {
        string source = $"fd00::{(i % 60_000) + 16:x}";
        byte[] message = new byte[NeighbourMessage.SizeWithAddress];
        new NeighbourMessage(NeighbourMessage.Override, TestNetwork.Parse(target), TestHost.Stranger).Write(message, type);
        network.Victim.TakeIPv6(
            source, Us6, ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, source, Us6), hopLimit: 255);
    }

    /// <summary>Another router each time, with prefixes, servers and times of any content.</summary>
    private static void RouterAdvertisement(HostileNetwork network, int i)
    {
        Random random = new(i);
        byte[] message = new byte[16 + 32 + 24 + 8];
        random.NextBytes(message);
        new IcmpHeader(IcmpV6Type.RouterAdvertisement, 0, (uint)random.Next() | 0x4000_0000).Write(message);
        (message[16], message[17], message[18]) = (3, 4, 64);
        TestNetwork.Parse($"2001:db8:{i:x}::").WriteIPv6(message.AsSpan(32));
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(24), 0);
        (message[48], message[49]) = (25, 3);
        (message[72], message[73]) = (5, 1);
        string source = $"fe80::{i + 16:x}";
        network.Victim.TakeIPv6(
            source, "ff02::1", ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, source, "ff02::1"), hopLimit: 255);
    }

    /// <summary>Errors that quote the friend's connection with a number that nobody has told the forger.</summary>
    private static void ForgedError(HostileNetwork network, int i)
    {
        byte[] quote = new byte[IPv4Header.Size + 8];
        new IPv4Header
        {
            TotalLength = 1_500,
            HopLimit = 64,
            Protocol = TcpHeader.Protocol,
            Source = TestNetwork.Parse(Us),
            Destination = TestNetwork.Parse(Friend),
        }.Write(quote);
        WriteQuotedPorts(quote.AsSpan(IPv4Header.Size), i);
        byte[] types = [IcmpType.DestinationUnreachable, IcmpType.TimeExceeded, IcmpType.ParameterProblem, IcmpType.Redirect, 4];
        network.Victim.TakeIPv4(
            Far(i), Us, ProtocolNumber.Icmp, TestHost.Icmp(types[i % types.Length], (byte)(i % 16), (uint)(i % 100), quote));
    }

    private static void ForgedError6(HostileNetwork network, int i)
    {
        byte[] quote = new byte[IPv6Header.Size + 8];
        new IPv6Header
        {
            PayloadLength = 1_460,
            HopLimit = 64,
            NextHeader = TcpHeader.Protocol,
            Source = TestNetwork.Parse(Us6),
            Destination = TestNetwork.Parse("fd00::2"),
        }.Write(quote);
        WriteQuotedPorts(quote.AsSpan(IPv6Header.Size), i);
        byte[] message = new byte[IcmpHeader.Size + quote.Length];
        new IcmpHeader((byte)(1 + (i % 4)), (byte)(i % 8), (uint)(i % 100)).Write(message);
        quote.CopyTo(message, IcmpHeader.Size);
        network.Victim.TakeIPv6(
            "2001:db8::9", Us6, ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, "2001:db8::9", Us6));
    }

    private static void WriteQuotedPorts(Span<byte> destination, int i)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, HostileNetwork.Port);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], HostileNetwork.FriendPort);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], Rand(i));
    }

    /// <summary>Queries of IGMP and MLD that want their answers at once.</summary>
    private static void GroupQuery(HostileNetwork network, int i)
    {
        if (i % 2 == 0)
        {
            byte[] query = TestHost.Icmp(GroupMessage.IgmpQuery, 1, 0, []);
            network.Victim.TakeIPv4(Near(i), "224.0.0.1", ProtocolNumber.Igmp, query, frameDestination: MacAddress.OfGroup(
                TestNetwork.Parse("224.0.0.1")));
            return;
        }

        byte[] message = new byte[GroupMessage.MldSize];
        new IcmpHeader(IcmpV6Type.MulticastListenerQuery, 0, 0).Write(message);
        string source = $"fe80::{i + 16:x}";
        network.Victim.TakeIPv6(
            source, "ff02::1", ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, source, "ff02::1"), hopLimit: 1);
    }

    /// <summary>Offers, acknowledgments and refusals to the client's last question, with options of any content.</summary>
    private static void DhcpAnswer(HostileNetwork network, int i)
    {
        Random random = new(i);
        byte[] options = new byte[100];
        random.NextBytes(options);
        byte[] head = new byte[DhcpMessage.HeaderSize];
        (head[0], head[1], head[2]) = (2, 1, MacAddress.Size);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), network.Transaction);
        TestNetwork.Parse(Near(i)).Write(head.AsSpan(16));
        network.Victim.Link.Address.CopyTo(head.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(236), DhcpMessage.Cookie);
        byte type = (i % 3) switch { 0 => DhcpOption.Offer, 1 => DhcpOption.Acknowledge, _ => DhcpOption.Refuse };
        byte[] message =
        [
            .. head,
            DhcpOption.MessageType, 1, type,
            DhcpOption.ServerIdentifier, 4, 10, 0, 0, 9,
            DhcpOption.LeaseTime, 4, 0, 0, (byte)random.Next(2), 60,
            DhcpOption.SubnetMask, 4, 255, 255, 255, 0,
            DhcpOption.DomainSearch, 20, .. options[..20],
            .. options[20..],
        ];
        byte[] datagram = TestHost.Udp(67, 68, message);
        network.Victim.TakeIPv4("10.0.0.9", "255.255.255.255", ProtocolNumber.Udp, datagram, frameDestination: MacAddress.Broadcast);
    }
}
