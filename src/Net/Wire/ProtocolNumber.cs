namespace Xenlet.Net.Wire;

/// <summary>What an IP packet carries (IANA's protocol numbers; IPv6's extension headers among them).</summary>
internal static class ProtocolNumber
{
    public const byte HopByHop = 0;
    public const byte Icmp = 1;
    public const byte Igmp = 2;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Routing = 43;
    public const byte Fragment = 44;
    public const byte IcmpV6 = 58;
    public const byte NoNextHeader = 59;
    public const byte DestinationOptions = 60;
}
