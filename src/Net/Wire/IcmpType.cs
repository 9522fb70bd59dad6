namespace Xenlet.Net.Wire;

/// <summary>Types of ICMP messages, and the codes of those that this stack sends or knows (RFC 792, RFC 1122, RFC 1812).</summary>
internal static class IcmpType
{
    public const byte EchoReply = 0;
    public const byte DestinationUnreachable = 3;
    public const byte Redirect = 5;
    public const byte EchoRequest = 8;
    public const byte TimeExceeded = 11;
    public const byte ParameterProblem = 12;

    /// <summary>Codes of <see cref="DestinationUnreachable"/>.</summary>
    public const byte HostUnreachable = 1;
    public const byte ProtocolUnreachable = 2;
    public const byte PortUnreachable = 3;
    public const byte FragmentationNeeded = 4;
    public const byte SourceRouteFailed = 5;

    /// <summary>The code of <see cref="TimeExceeded"/> for fragments that did not all arrive.</summary>
    public const byte ReassemblyTimeExceeded = 1;
}
