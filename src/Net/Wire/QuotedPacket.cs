using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>What an ICMP error says of the packet that it answers: who sent what to whom.</summary>
/// <param name="Protocol">What the packet carried.</param>
/// <param name="Flow">Its two ends, the sender's first.</param>
/// <param name="SequenceNumber">The four bytes behind the ports: TCP's sequence number.</param>
/// <param name="Length">How long the packet was, in bytes.</param>
internal readonly record struct QuotedPacket(byte Protocol, Flow Flow, uint SequenceNumber, int Length)
{
    /// <summary>Where what is quoted goes on behind the ports and the four bytes that follow them.</summary>
    public int PayloadOffset { get; private init; }

    /// <summary>Reads what an error quotes: the IP header, and at least the first eight bytes behind it (RFC 792).</summary>
    public static bool TryRead(ReadOnlySpan<byte> quoted, bool isIPv4, out QuotedPacket packet)
    {
        packet = default;
        InternetAddress source;
        InternetAddress destination;
        byte protocol;
        int offset;
        int length;
        if (isIPv4)
        {
            if (!IPv4Header.TryReadQuoted(quoted, out IPv4Header header) || header.FragmentOffset != 0)
            {
                return false;
            }

            (source, destination, protocol) = (header.Source, header.Destination, header.Protocol);
            (offset, length) = (header.HeaderLength, header.TotalLength);
        }
        else
        {
            if (!IPv6Header.TryReadQuoted(quoted, out IPv6Header header))
            {
                return false;
            }

            (source, destination, protocol) = (header.Source, header.Destination, header.NextHeader);
            (offset, length) = (IPv6Header.Size, IPv6Header.Size + header.PayloadLength);

            // Of extension headers, a fragment's is the only one that this stack puts into a packet.
            if (protocol == ProtocolNumber.Fragment && quoted.Length >= offset + IPv6FragmentHeader.Size)
            {
                IPv6FragmentHeader fragment = IPv6FragmentHeader.Read(quoted[offset..]);
                if (fragment.Offset != 0)
                {
                    return false;
                }

                protocol = fragment.NextHeader;
                offset += IPv6FragmentHeader.Size;
            }
        }

        if (quoted.Length < offset + 8)
        {
            return false;
        }

        ReadOnlySpan<byte> transport = quoted[offset..];
        packet = new(
            protocol,
            new Flow(
                new Endpoint(source, BinaryPrimitives.ReadUInt16BigEndian(transport)),
                new Endpoint(destination, BinaryPrimitives.ReadUInt16BigEndian(transport[2..]))),
            BinaryPrimitives.ReadUInt32BigEndian(transport[4..]),
            length)
        {
            PayloadOffset = offset + 8,
        };
        return true;
    }
}
