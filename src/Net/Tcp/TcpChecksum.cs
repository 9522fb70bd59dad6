namespace Xenlet.Net.Tcp;

/// <summary>
/// The checksum of a segment, which covers a pseudo header of the addresses (RFC 9293, section 3.1; RFC 8200, section 8.1).
/// </summary>
internal static class TcpChecksum
{
    /// <summary>What the field has in a packet whose checksum is still to be completed.</summary>
    public static ushort OfPseudoHeader(InternetAddress source, InternetAddress destination, int length) =>
        InternetChecksum.Partial(InternetChecksum.PseudoHeader(source, destination, TcpHeader.Protocol, length));

    /// <summary>Whether the checksum of a whole segment is right.</summary>
    public static bool IsRight(InternetAddress source, InternetAddress destination, ReadOnlySpan<byte> segment) =>
        InternetChecksum.Of(
            InternetChecksum.Add(
                segment, InternetChecksum.PseudoHeader(source, destination, TcpHeader.Protocol, segment.Length))) == 0;
}
