using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>
/// The segments of an Ethernet frame that stands for several segments of TCP, over IPv4 or IPv6 without extension headers, each with its
/// own headers and checksums. The frame may be anybody's.
/// </summary>
internal readonly ref struct TcpSegments
{
    /// <summary>
    /// The smallest data of a segment, in bytes: Linux sends no smaller ones (tcp_min_snd_mss), and a frame of smaller ones would be more
    /// work than its size is worth.
    /// </summary>
    public const int LeastSize = 48;

    private const byte Tcp = 6;
    private const int Finish = 0x01;
    private const int Push = 0x08;
    private const int WindowReduced = 0x80;

    private readonly ReadOnlySpan<byte> _headers;
    private readonly ReadOnlySpan<byte> _data;
    private readonly int _size;
    private readonly int _tcp;

    private TcpSegments(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> data, int size, int tcp)
    {
        _headers = headers;
        _data = data;
        _size = size;
        _tcp = tcp;
    }

    /// <summary>How many segments there are: one at least.</summary>
    public int Count => Math.Max(1, (_data.Length + _size - 1) / _size);

    /// <summary>Whether the frame is of IPv6.</summary>
    public bool IsIPv6 => _headers[EthernetHeader.Size] >> 4 == 6;

    /// <summary>The length of all headers together, in bytes.</summary>
    public int HeaderLength => _headers.Length;

    /// <summary>Reads the frame's headers.</summary>
    /// <param name="frame">The frame. It stays the caller's, and must not change.</param>
    /// <param name="size">Bytes of data in each segment but the last.</param>
    /// <param name="segments">The segments.</param>
    /// <returns>False if the frame is no such one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> frame, int size, out TcpSegments segments)
    {
        segments = default;
        if (size < LeastSize || !EthernetHeader.TryRead(frame, out EthernetHeader ethernet))
        {
            return false;
        }

        ReadOnlySpan<byte> packet = frame[EthernetHeader.Size..];
        int headerLength;
        int length;
        switch (ethernet.Type)
        {
            case EtherType.IPv4 when IPv4Header.TryReadQuoted(packet, out IPv4Header header)
                && header.Protocol == Tcp && !header.IsFragment:
                (headerLength, length) = (header.HeaderLength, header.TotalLength);
                break;
            case EtherType.IPv6 when IPv6Header.TryReadQuoted(packet, out IPv6Header header) && header.NextHeader == Tcp:
                (headerLength, length) = (IPv6Header.Size, IPv6Header.Size + header.PayloadLength);
                break;
            default:
                return false;
        }

        if (length > packet.Length || length < headerLength + 20)
        {
            return false;
        }

        int tcpLength = (packet[headerLength + 12] >> 4) * 4;
        if (tcpLength < 20 || headerLength + tcpLength > length)
        {
            return false;
        }

        int all = EthernetHeader.Size + headerLength + tcpLength;
        segments = new(frame[..all], packet[..length][(headerLength + tcpLength)..], size, EthernetHeader.Size + headerLength);
        return true;
    }

    /// <summary>The length of a segment's frame, in bytes.</summary>
    public int LengthOf(int index) => _headers.Length + Part(index).Length;

    /// <summary>Writes a segment's frame, whose checksums are complete.</summary>
    /// <param name="index">Which segment, from 0 on.</param>
    /// <param name="destination">Room for <see cref="LengthOf"/> bytes.</param>
    public void Write(int index, Span<byte> destination)
    {
        ReadOnlySpan<byte> part = Part(index);
        Span<byte> frame = destination[..(_headers.Length + part.Length)];
        _headers.CopyTo(frame);
        part.CopyTo(frame[_headers.Length..]);
        Span<byte> ip = frame[EthernetHeader.Size.._tcp];
        if (IsIPv6)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(frame.Length - _tcp));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(frame.Length - EthernetHeader.Size));
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(ip[4..]) + index));
            ip[10] = ip[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Of(InternetChecksum.Add(ip)));
        }

        Span<byte> tcp = frame[_tcp..];
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]) + (uint)(index * _size));
        int cleared = (index == 0 ? 0 : WindowReduced) | (index == Count - 1 ? 0 : Finish | Push);
        tcp[13] &= (byte)~cleared;
        InternetChecksum.TryFill(frame);
    }

    private ReadOnlySpan<byte> Part(int index) => _data.Slice(index * _size, Math.Min(_size, _data.Length - (index * _size)));
}
