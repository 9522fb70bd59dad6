namespace Xenlet.Net.Wire;

/// <summary>The options of neighbour discovery's messages (RFC 4861, section 4.6), one after the other.</summary>
internal ref struct NeighbourOptions(ReadOnlySpan<byte> options)
{
    public const byte SourceLinkAddress = 1;
    public const byte TargetLinkAddress = 2;
    public const byte PrefixInformation = 3;
    public const byte Mtu = 5;

    /// <summary>RFC 8106, section 5.1.</summary>
    public const byte RecursiveDnsServers = 25;

    /// <summary>RFC 8106, section 5.2.</summary>
    public const byte DnsSearchList = 31;

    private ReadOnlySpan<byte> _rest = options;

    /// <summary>Whether all options lie within the message: one that has no length makes the whole message invalid.</summary>
    public static bool AreValid(ReadOnlySpan<byte> options)
    {
        NeighbourOptions each = new(options);
        while (each.TryNext(out _, out _))
        {
        }

        return each._rest.IsEmpty;
    }

    /// <summary>Takes the next option; its body begins behind type and length, and has at least 6 bytes.</summary>
    public bool TryNext(out byte type, out ReadOnlySpan<byte> body)
    {
        type = 0;
        body = default;
        int length = _rest.Length < 8 ? 0 : _rest[1] * 8;
        if (length == 0 || length > _rest.Length)
        {
            return false;
        }

        type = _rest[0];
        body = _rest[2..length];
        _rest = _rest[length..];
        return true;
    }
}
