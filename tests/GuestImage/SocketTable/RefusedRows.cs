using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>What Linux has and a guest refuses (docs/programs.md): the error is part of the promise.</summary>
internal static class RefusedRows
{
    public static IEnumerable<SocketRow> All =>
    [
        new("raw sockets", trace => trace.Do("new", () => Open(trace, AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp))),
        new("packet sockets", trace => trace.Do("new", () => Open(trace, AddressFamily.Packet, SocketType.Raw, ProtocolType.Unspecified))),
        new(
            "Unix domain sockets",
            trace => trace.Do("new", () => Open(trace, AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))),
        new("groups of one source", trace =>
        {
            Socket socket = IPv4.Datagrams(trace);
            byte[] source = [.. IPAddress.Parse("232.1.2.3").GetAddressBytes(), 10, 9, 0, 2, 10, 9, 0, 3];
            trace.Do("join", () => socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddSourceMembership, source));
        }),
        new("options of TCP and IP", trace =>
        {
            Socket socket = IPv4.Stream(trace);
            trace.Do("fast open", () => socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.FastOpen, 1));

            // IP_OPTIONS with a route to record (RFC 791), and TCP_CORK.
            trace.Do("recorded route", () => socket.SetRawSocketOption(0, 4, [7, 7, 4, 0, 0, 0, 0, 0]));
            trace.Do("cork", () => socket.SetRawSocketOption(6, 3, BitConverter.GetBytes(1)));
        }),
    ];

    private static void Open(SocketTrace trace, AddressFamily family, SocketType type, ProtocolType protocol) =>
        trace.Own(new Socket(family, type, protocol));
}
