namespace Xenlet.Net.Wire;

/// <summary>The extension headers between an IPv6 header and what the packet carries (RFC 8200, section 4).</summary>
internal readonly record struct IPv6HeaderChain
{
    /// <summary>More headers than any sender has use for: each costs time.</summary>
    private const int MostHeaders = 8;

    private const int MostOptions = 32;

    /// <summary>What became of the walk.</summary>
    public IPv6ChainResult Result { get; private init; }

    /// <summary>The protocol that follows the chain; of a fragment, the number of the fragment header.</summary>
    public byte Protocol { get; private init; }

    /// <summary>Where the chain ends in the packet: at what it carries, or at the fragment header.</summary>
    public int Offset { get; private init; }

    /// <summary>Where the byte lies that names the next header, which the first fragment's packet has to change.</summary>
    public int NextHeaderOffset { get; private init; }

    /// <summary>The code of the parameter problem, and <see cref="Offset"/> the byte it points to (RFC 4443, section 3.4).</summary>
    public byte ProblemCode { get; private init; }

    /// <summary>Walks the headers of a packet. Nothing outside it is read, however long the headers say that they are.</summary>
    /// <param name="packet">The packet, from its IPv6 header on.</param>
    /// <param name="offset">Where to begin: behind the fixed header, or behind a fragment header.</param>
    /// <param name="nextHeader">What lies there.</param>
    /// <param name="isMulticast">Whether the packet was sent to a group: some unknown options are answered only to one receiver.</param>
    public static IPv6HeaderChain Walk(ReadOnlySpan<byte> packet, int offset, byte nextHeader, bool isMulticast)
    {
        int nextHeaderOffset = 6;
        for (int count = 0; count < MostHeaders; count++)
        {
            if (nextHeader is not (ProtocolNumber.HopByHop or ProtocolNumber.Routing or ProtocolNumber.DestinationOptions))
            {
                bool isCut = nextHeader == ProtocolNumber.Fragment && packet.Length - offset < IPv6FragmentHeader.Size;
                return new()
                {
                    Result = isCut || nextHeader == ProtocolNumber.NoNextHeader ? IPv6ChainResult.Discard : IPv6ChainResult.Whole,
                    Protocol = nextHeader,
                    Offset = offset,
                    NextHeaderOffset = nextHeaderOffset,
                };
            }

            // Options for every hop come first or not at all.
            if (nextHeader == ProtocolNumber.HopByHop && offset != IPv6Header.Size)
            {
                return Problem(1, nextHeaderOffset);
            }

            int length = packet.Length - offset < 8 ? int.MaxValue : (packet[offset + 1] + 1) * 8;
            if (length > packet.Length - offset)
            {
                return Discarded;
            }

            ReadOnlySpan<byte> header = packet.Slice(offset, length);
            if (nextHeader == ProtocolNumber.Routing)
            {
                // A host forwards nothing: whatever still has a way to go is refused (RFC 5095; RFC 8200, section 4.4).
                if (header[3] != 0)
                {
                    return Problem(0, offset + 2);
                }
            }
            else if (CheckOptions(header, offset, isMulticast) is { Result: not IPv6ChainResult.Whole } refusal)
            {
                return refusal;
            }

            nextHeaderOffset = offset;
            nextHeader = header[0];
            offset += length;
        }

        return Discarded;
    }

    private static IPv6HeaderChain Discarded => new() { Result = IPv6ChainResult.Discard };

    private static IPv6HeaderChain Problem(byte code, int offset) =>
        new() { Result = IPv6ChainResult.ParameterProblem, ProblemCode = code, Offset = offset };

    /// <summary>The two highest bits of an option's type say what to do with a packet whose option is unknown (section 4.2).</summary>
    private static IPv6HeaderChain CheckOptions(ReadOnlySpan<byte> header, int start, bool isMulticast)
    {
        int at = 2;
        for (int count = 0; at < header.Length; count++)
        {
            byte type = header[at];
            if (type == 0)
            {
                at++;
                continue;
            }

            if (count == MostOptions || header.Length - at < 2 || header[at + 1] > header.Length - at - 2)
            {
                return Discarded;
            }

            // Padding and router alert (RFC 2711) are known.
            if (type is not (1 or 5))
            {
                switch (type >> 6)
                {
                    case 0:
                        break;
                    case 2:
                    case 3 when !isMulticast:
                        return Problem(2, start + at);
                    default:
                        return Discarded;
                }
            }

            at += 2 + header[at + 1];
        }

        return new() { Result = IPv6ChainResult.Whole };
    }
}
