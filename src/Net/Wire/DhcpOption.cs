namespace Xenlet.Net.Wire;

/// <summary>Options of DHCP (RFC 2132, RFC 3397, RFC 3442) and the types of its messages.</summary>
internal static class DhcpOption
{
    public const byte Pad = 0;
    public const byte SubnetMask = 1;
    public const byte Routers = 3;
    public const byte DnsServers = 6;
    public const byte HostName = 12;
    public const byte DomainName = 15;
    public const byte RequestedAddress = 50;
    public const byte LeaseTime = 51;
    public const byte Overload = 52;
    public const byte MessageType = 53;
    public const byte ServerIdentifier = 54;
    public const byte ParameterList = 55;
    public const byte MaximumSize = 57;
    public const byte RenewalTime = 58;
    public const byte RebindingTime = 59;
    public const byte ClientIdentifier = 61;
    public const byte DomainSearch = 119;
    public const byte ClasslessRoutes = 121;
    public const byte End = 255;

    /// <summary>Values of <see cref="MessageType"/>.</summary>
    public const byte Discover = 1;
    public const byte Offer = 2;
    public const byte Request = 3;
    public const byte Decline = 4;
    public const byte Acknowledge = 5;
    public const byte Refuse = 6;
    public const byte Release = 7;
}
