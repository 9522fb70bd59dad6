namespace Xenlet.Net.Wire;

/// <summary>A redirect of ICMPv6 (RFC 4861, section 4.5), from its header on.</summary>
/// <param name="Target">The better first hop, or the destination itself when it is a neighbour.</param>
/// <param name="Destination">Where the packet went that the router answers.</param>
/// <param name="LinkAddress">The target's hardware address, if the router tells it.</param>
internal readonly record struct RedirectMessage(InternetAddress Target, InternetAddress Destination, MacAddress? LinkAddress)
{
    /// <summary>Bytes without options.</summary>
    public const int Size = 40;

    /// <summary>Reads a message whose header has been read. False for one that RFC 4861, section 8.1, calls invalid.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out RedirectMessage redirect)
    {
        redirect = default;
        if (message.Length < Size || message[1] != 0 || !NeighbourOptions.AreValid(message[Size..]))
        {
            return false;
        }

        NeighbourOptions options = new(message[Size..]);
        MacAddress? address = null;
        while (options.TryNext(out byte type, out ReadOnlySpan<byte> body))
        {
            if (type == NeighbourOptions.TargetLinkAddress)
            {
                address = new MacAddress(body[..MacAddress.Size]);
                break;
            }
        }

        redirect = new(InternetAddress.Read(message[8..24]), InternetAddress.Read(message[24..40]), address);
        return !redirect.Destination.IsMulticast && !redirect.Target.IsMulticast;
    }
}
