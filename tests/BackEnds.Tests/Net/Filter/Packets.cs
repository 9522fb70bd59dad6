using System.Globalization;
using System.Net;
using Xenlet.Net;
using Xenlet.Net.Tcp;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Tests.Net.Filter;

/// <summary>Packets of all kinds, as frames.</summary>
internal static class Packets
{
    public static readonly MacAddress First = MacAddress.Parse("00:16:3e:00:00:0a");
    public static readonly MacAddress Second = MacAddress.Parse("00:16:3e:00:00:0b");

    /// <summary>A hash whose key is always the same.</summary>
    public static KeyedHash Hash => new(new NoRandom());

    public static InternetAddress Address(string text) => InternetAddress.From(IPAddress.Parse(text));

    /// <summary>An endpoint such as <c>10.0.0.1:80</c> or <c>[fd00::1]:80</c>.</summary>
    public static Endpoint Endpoint(string text)
    {
        IPEndPoint end = IPEndPoint.Parse(text);
        return new(InternetAddress.From(end.Address), (ushort)end.Port);
    }

    /// <summary>A segment of TCP with data of zeros.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <param name="flags">Letters of S, A, F, R and P.</param>
    /// <param name="sequence">Its number.</param>
    /// <param name="acknowledgment">What it acknowledges.</param>
    /// <param name="length">Bytes of data.</param>
    /// <param name="window">The window that it offers.</param>
    /// <param name="scale">The window scale option; -1 for none.</param>
    public static byte[] Tcp(
        string from, string to, string flags, uint sequence, uint acknowledgment = 0, int length = 0, int window = 1000, int scale = -1)
    {
        (Endpoint source, Endpoint destination) = (Endpoint(from), Endpoint(to));
        TcpFlags bits = flags.Aggregate(TcpFlags.None, (all, letter) => all | letter switch
        {
            'S' => TcpFlags.Syn,
            'A' => TcpFlags.Ack,
            'F' => TcpFlags.Fin,
            'R' => TcpFlags.Rst,
            'P' => TcpFlags.Psh,
            _ => throw new FormatException(flags),
        });
        int size = TcpHeader.FixedSize + (scale < 0 ? 0 : 4);
        byte[] segment = new byte[size + length];
        new TcpHeader(source.Port, destination.Port, new(sequence), new(acknowledgment), bits, (ushort)window, 0, size).Write(segment);
        if (scale >= 0)
        {
            new byte[] { 1, 3, 3, (byte)scale }.CopyTo(segment, TcpHeader.FixedSize);
        }

        byte[] frame = Ip(source.Address, destination.Address, ProtocolNumber.Tcp, segment);
        InternetChecksum.TryFill(frame);
        return frame;
    }

    /// <summary>A datagram of UDP.</summary>
    public static byte[] Udp(string from, string to, int length = 1)
    {
        (Endpoint source, Endpoint destination) = (Endpoint(from), Endpoint(to));
        byte[] datagram = new byte[UdpHeader.Size + length];
        new UdpHeader(source.Port, destination.Port, datagram.Length, 0).Write(datagram);
        byte[] frame = Ip(source.Address, destination.Address, ProtocolNumber.Udp, datagram);
        InternetChecksum.TryFill(frame);
        return frame;
    }

    /// <summary>A message of ICMP or ICMPv6, with four bytes behind the checksum, and more.</summary>
    public static byte[] Icmp(string from, string to, byte type, byte code = 0, uint rest = 0, byte[]? more = null)
    {
        (InternetAddress source, InternetAddress destination) = (Address(from), Address(to));
        byte protocol = source.IsIPv4 ? ProtocolNumber.Icmp : ProtocolNumber.IcmpV6;
        byte[] message = [.. new byte[IcmpHeader.Size], .. more ?? []];
        new IcmpHeader(type, code, rest).Write(message);
        IcmpHeader.WriteChecksum(message, source.IsIPv4 ? 0 : InternetChecksum.PseudoHeader(source, destination, protocol, message.Length));
        return Ip(source, destination, protocol, message);
    }

    /// <summary>An echo request or its answer.</summary>
    public static byte[] Echo(string from, string to, bool isRequest, ushort identifier) => Icmp(
        from, to, Address(from).IsIPv4 ? (isRequest ? (byte)8 : (byte)0) : (isRequest ? (byte)128 : (byte)129), 0, (uint)identifier << 16);

    /// <summary>A packet with any payload.</summary>
    public static byte[] Ip(string from, string to, byte protocol, byte[] payload) => Ip(Address(from), Address(to), protocol, payload);

    /// <summary>A part of what a packet of IPv4 or IPv6 carries, as a fragment with the packet's headers.</summary>
    /// <param name="frame">The whole packet.</param>
    /// <param name="offset">Where the part begins in the packet's payload.</param>
    /// <param name="length">Its length.</param>
    /// <param name="identification">What the fragments of one packet have in common.</param>
    /// <param name="at">Where the fragment says that it belongs; -1 for <paramref name="offset"/>.</param>
    public static byte[] Fragment(byte[] frame, int offset, int length, ushort identification = 7, int at = -1)
    {
        ReadOnlySpan<byte> packet = frame.AsSpan(EthernetHeader.Size);
        at = at < 0 ? offset : at;
        if (IPv4Header.TryReadQuoted(packet, out IPv4Header ip))
        {
            byte[] part = packet.Slice(ip.HeaderLength + offset, length).ToArray();
            bool hasMore = offset + length < packet.Length - ip.HeaderLength;
            return Ip(ip.Source, ip.Destination, ip.Protocol, part, (hasMore ? 0x2000 : 0) | (at / 8), identification);
        }

        Assert.True(IPv6Header.TryReadQuoted(packet, out IPv6Header header));
        byte[] payload = new byte[IPv6FragmentHeader.Size + length];
        bool isCut = offset + length < header.PayloadLength;
        new IPv6FragmentHeader(header.NextHeader, at, isCut, identification).Write(payload);
        packet.Slice(IPv6Header.Size + offset, length).CopyTo(payload.AsSpan(IPv6FragmentHeader.Size));
        return Ip(header.Source, header.Destination, ProtocolNumber.Fragment, payload);
    }

    /// <summary>The IP packet of a frame.</summary>
    public static byte[] PacketOf(byte[] frame) => frame[EthernetHeader.Size..];

    /// <summary>A frame of any kind.</summary>
    public static byte[] Frame(ushort type, byte[] payload)
    {
        byte[] frame = [.. new byte[EthernetHeader.Size], .. payload];
        new EthernetHeader(Second, First, type).Write(frame);
        return frame;
    }

    private static byte[] Ip(
        InternetAddress source, InternetAddress destination, byte protocol, byte[] payload, int fragment = 0, ushort identification = 0)
    {
        byte[] header = new byte[source.IsIPv4 ? IPv4Header.Size : IPv6Header.Size];
        if (source.IsIPv4)
        {
            new IPv4Header
            {
                TotalLength = header.Length + payload.Length,
                Identification = identification,
                HasMoreFragments = (fragment & 0x2000) != 0,
                FragmentOffset = (fragment & 0x1FFF) * 8,
                HopLimit = 64,
                Protocol = protocol,
                Source = source,
                Destination = destination,
            }.Write(header);
        }
        else
        {
            new IPv6Header
            {
                PayloadLength = payload.Length,
                NextHeader = protocol,
                HopLimit = 255,
                Source = source,
                Destination = destination,
            }.Write(header);
        }

        return Frame(source.IsIPv4 ? EtherType.IPv4 : EtherType.IPv6, [.. header, .. payload]);
    }

    private sealed class NoRandom : IRandomSource
    {
        public void Fill(Span<byte> buffer) => buffer.Fill(1);
    }
}
