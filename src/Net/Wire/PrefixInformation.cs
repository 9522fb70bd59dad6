using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>A prefix of which a router tells (RFC 4861, section 4.6.2).</summary>
/// <param name="Prefix">The prefix.</param>
/// <param name="IsOnLink">Whether its addresses are neighbours.</param>
/// <param name="IsAutonomous">Whether hosts make themselves addresses of it (RFC 4862).</param>
/// <param name="ValidLifetime">Seconds for which it is valid; all ones for ever.</param>
/// <param name="PreferredLifetime">Seconds for which addresses of it are chosen for new flows; all ones for ever.</param>
internal readonly record struct PrefixInformation(
    NetworkPrefix Prefix, bool IsOnLink, bool IsAutonomous, uint ValidLifetime, uint PreferredLifetime)
{
    /// <summary>Reads the body of the option; false when it is too short or means nothing.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out PrefixInformation information)
    {
        information = default;
        if (body.Length < 30 || body[0] > 128)
        {
            return false;
        }

        InternetAddress address = InternetAddress.Read(body[14..30]);
        if (address.IsIPv4 || address.IsMulticast || address.IsIPv6LinkLocal)
        {
            return false;
        }

        information = new(
            new NetworkPrefix(address, body[0]),
            (body[1] & 0x80) != 0,
            (body[1] & 0x40) != 0,
            BinaryPrimitives.ReadUInt32BigEndian(body[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(body[6..]));
        return information.PreferredLifetime <= information.ValidLifetime;
    }
}
