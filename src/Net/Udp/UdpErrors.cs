using Xenlet.Net.Internet;

namespace Xenlet.Net.Udp;

/// <summary>What Linux makes of ICMP errors about datagrams (icmp_err_convert of net/ipv4/icmp.c, icmpv6_err_convert).</summary>
internal static class UdpErrors
{
    /// <summary>The error, and whether it does not pass (RFC 1122, section 4.1.3.3): a connected socket is told of it.</summary>
    public static (NetworkError Error, bool IsHard) Of(IcmpErrorKind kind, in IcmpOrigin origin, bool isIPv4) => kind switch
    {
        IcmpErrorKind.PortUnreachable => (NetworkError.Refused, true),
        IcmpErrorKind.ProtocolUnreachable => (NetworkError.ProtocolNotAvailable, true),
        IcmpErrorKind.ParameterProblem => (NetworkError.ProtocolError, true),
        IcmpErrorKind.NetworkUnreachable => (NetworkError.NetworkUnreachable, isIPv4 && IsHard(origin.Code)),
        IcmpErrorKind.HostUnreachable when !isIPv4 && IsForbidden(origin.Code) => (NetworkError.AccessDenied, true),
        IcmpErrorKind.HostUnreachable => (NetworkError.HostUnreachable, isIPv4 && IsHard(origin.Code)),
        IcmpErrorKind.PacketTooBig => (NetworkError.MessageTooLong, false),
        _ => (NetworkError.HostUnreachable, false),
    };

    /// <summary>Codes of ICMP's destination unreachable: unknown or isolated, prohibited, filtered (RFC 1122, RFC 1812).</summary>
    private static bool IsHard(byte code) => code is (>= 6 and <= 10) or (>= 13 and <= 15);

    /// <summary>Codes of ICMPv6's destination unreachable: prohibited, by policy, a reject route (RFC 4443).</summary>
    private static bool IsForbidden(byte code) => code is 1 or 5 or 6;
}
