namespace Xenlet.Net.Wire;

/// <summary>Types of ICMPv6 messages (RFC 4443, RFC 4861, RFC 2710); those below 128 are errors.</summary>
internal static class IcmpV6Type
{
    public const byte DestinationUnreachable = 1;
    public const byte PacketTooBig = 2;
    public const byte TimeExceeded = 3;
    public const byte ParameterProblem = 4;
    public const byte EchoRequest = 128;
    public const byte EchoReply = 129;
    public const byte MulticastListenerQuery = 130;
    public const byte MulticastListenerReport = 131;
    public const byte MulticastListenerDone = 132;
    public const byte RouterSolicitation = 133;
    public const byte RouterAdvertisement = 134;
    public const byte NeighbourSolicitation = 135;
    public const byte NeighbourAdvertisement = 136;
    public const byte Redirect = 137;

    /// <summary>Codes of <see cref="DestinationUnreachable"/>.</summary>
    public const byte Prohibited = 1;
    public const byte AddressUnreachable = 3;
    public const byte PortUnreachable = 4;

    /// <summary>The code of <see cref="TimeExceeded"/> for fragments that did not all arrive.</summary>
    public const byte ReassemblyTimeExceeded = 1;

    /// <summary>The code of <see cref="ParameterProblem"/> for a protocol that nobody here speaks.</summary>
    public const byte UnrecognisedNextHeader = 1;
}
