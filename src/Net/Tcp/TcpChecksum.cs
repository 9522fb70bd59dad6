namespace Xenlet.Net.Tcp;

/// <summary>
/// The checksum of a segment, which covers a pseudo header of the addresses (RFC 9293, section 3.1; RFC 8200, section 8.1).
/// </summary>
internal static class TcpChecksum
{
    /// <summary>
    /// The sum over the pseudo header, folded and not complemented, as a header has it whose checksum is still to be completed.
    /// </summary>
    public static ushort OfPseudoHeader(InternetAddress source, InternetAddress destination, int length) =>
        (ushort)~InternetChecksum.Of(Sum(source, destination, length));

    /// <summary>Whether the checksum of a whole segment is right.</summary>
    public static bool IsRight(InternetAddress source, InternetAddress destination, ReadOnlySpan<byte> segment) =>
        InternetChecksum.Of(InternetChecksum.Add(segment, Sum(source, destination, segment.Length))) == 0;

    private static ulong Sum(InternetAddress source, InternetAddress destination, int length)
    {
        Span<byte> addresses = stackalloc byte[32];
        int size = source.Size;
        source.Write(addresses);
        destination.Write(addresses[size..]);
        return InternetChecksum.Add(addresses[..(2 * size)], (ulong)(TcpHeader.Protocol + length));
    }
}
