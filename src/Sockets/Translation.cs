using System.Net;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.Sockets;

/// <summary>The stack's addresses and errors in the words of the kernel's sockets, and back.</summary>
internal static class Translation
{
    private static readonly InternetAddress s_loopbackIPv4 = InternetAddress.FromIPv4(0x7F00_0001);
    private static readonly InternetAddress s_loopbackIPv6 = InternetAddress.From(IPAddress.IPv6Loopback);

    /// <summary>
    /// The address as the stack has it. What interface a link-local address belongs to is <see cref="SocketEndpoint.Scope"/>.
    /// </summary>
    public static InternetAddress ToAddress(SocketEndpoint endpoint)
    {
        Span<byte> bytes = stackalloc byte[16];
        endpoint.WriteAddress(bytes);
        return endpoint.IsIPv4 ? InternetAddress.Read(bytes[12..]) : InternetAddress.Read(bytes);
    }

    public static Endpoint ToEndpoint(SocketEndpoint endpoint) => new(ToAddress(endpoint), endpoint.Port);

    /// <summary>The peer that the program means: "any" is this guest itself, as on Linux.</summary>
    public static Endpoint ToDestination(SocketEndpoint endpoint)
    {
        InternetAddress address = ToAddress(endpoint);
        return new(!address.IsAny ? address : address.IsIPv4 ? s_loopbackIPv4 : s_loopbackIPv6, endpoint.Port);
    }

    public static SocketEndpoint ToSocketEndpoint(Endpoint endpoint, int scope = 0)
    {
        Span<byte> bytes = stackalloc byte[16];
        endpoint.Address.WriteIPv6(bytes);
        return SocketEndpoint.Read(bytes, endpoint.Port, endpoint.Address.IsIPv6LinkLocal ? (uint)scope : 0);
    }

    public static SocketErrno ToErrno(TcpError error) => error switch
    {
        TcpError.None => SocketErrno.None,
        TcpError.Refused => SocketErrno.ECONNREFUSED,
        TcpError.Reset => SocketErrno.ECONNRESET,
        TcpError.TimedOut => SocketErrno.ETIMEDOUT,
        TcpError.NetworkUnreachable => SocketErrno.ENETUNREACH,
        TcpError.HostUnreachable => SocketErrno.EHOSTUNREACH,
        TcpError.NetworkDown => SocketErrno.ENETDOWN,
        TcpError.AddressInUse => SocketErrno.EADDRINUSE,
        TcpError.AddressNotAvailable => SocketErrno.EADDRNOTAVAIL,
        _ => SocketErrno.ECONNABORTED,
    };

    public static SocketErrno ToErrno(NetworkError error) => error switch
    {
        NetworkError.None => SocketErrno.None,
        NetworkError.AccessDenied => SocketErrno.EACCES,
        NetworkError.AddressInUse => SocketErrno.EADDRINUSE,
        NetworkError.AddressNotAvailable => SocketErrno.EADDRNOTAVAIL,
        NetworkError.FamilyNotSupported => SocketErrno.EAFNOSUPPORT,
        NetworkError.MessageTooLong => SocketErrno.EMSGSIZE,
        NetworkError.NetworkUnreachable => SocketErrno.ENETUNREACH,
        NetworkError.HostUnreachable or NetworkError.ProtocolError => SocketErrno.EHOSTUNREACH,
        NetworkError.Refused or NetworkError.ProtocolNotAvailable => SocketErrno.ECONNREFUSED,
        NetworkError.NoBuffers or NetworkError.WouldBlock => SocketErrno.ENOBUFS,
        NetworkError.NoDevice => SocketErrno.ENODEV,
        NetworkError.DestinationRequired => SocketErrno.ENOTCONN,
        _ => SocketErrno.EINVAL,
    };
}
