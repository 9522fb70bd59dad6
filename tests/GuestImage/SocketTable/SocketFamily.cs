using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>A family of addresses, and sockets of it.</summary>
/// <param name="Name">What rows are named by.</param>
/// <param name="Server">The family of the socket that is asked.</param>
/// <param name="Client">The family of the socket that asks.</param>
/// <param name="IsDual">Whether a server of IPv6 serves IPv4 too.</param>
internal sealed record SocketFamily(string Name, AddressFamily Server, AddressFamily Client, bool IsDual = false)
{
    public static SocketFamily IPv4 { get; } = new("4", AddressFamily.InterNetwork, AddressFamily.InterNetwork);

    public static SocketFamily IPv6 { get; } = new("6", AddressFamily.InterNetworkV6, AddressFamily.InterNetworkV6);

    /// <summary>A client of IPv4 and a server of both.</summary>
    public static SocketFamily Dual { get; } = new("dual", AddressFamily.InterNetworkV6, AddressFamily.InterNetwork, IsDual: true);

    public static IReadOnlyList<SocketFamily> All { get; } = [IPv4, IPv6, Dual];

    /// <summary>Where a client finds the server.</summary>
    public IPAddress Loopback => Client == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;

    /// <summary>What a server binds.</summary>
    public IPEndPoint ServerEndPoint => IsDual ? new(IPAddress.IPv6Any, 0) : new(Loopback, 0);

    /// <summary>Any address of the server's family.</summary>
    public IPEndPoint Any => new(Server == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);

    public static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    public Socket Stream(SocketTrace trace) => trace.Own(new Socket(Client, SocketType.Stream, ProtocolType.Tcp));

    public Socket Datagrams(SocketTrace trace)
    {
        Socket socket = trace.Own(new Socket(Server, SocketType.Dgram, ProtocolType.Udp));
        if (Server == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = IsDual;
        }

        return socket;
    }

    /// <summary>A datagram socket with a port.</summary>
    public Socket BoundDatagrams(SocketTrace trace)
    {
        Socket socket = Datagrams(trace);
        socket.Bind(ServerEndPoint);
        return socket;
    }

    /// <summary>A socket that listens.</summary>
    public Socket Listener(SocketTrace trace, int backlog = 16)
    {
        Socket socket = trace.Own(new Socket(Server, SocketType.Stream, ProtocolType.Tcp));
        if (Server == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = IsDual;
        }

        socket.Bind(ServerEndPoint);
        socket.Listen(backlog);
        return socket;
    }

    /// <summary>Where a client finds a bound socket.</summary>
    public IPEndPoint Of(Socket server) => new(Loopback, ((IPEndPoint)server.LocalEndPoint!).Port);

    /// <summary>A port that nobody has, and that neither system chooses by itself: who asks there could be given it.</summary>
    public IPEndPoint Nobody => new(Loopback, 9);

    /// <summary>Both ends of a connection, the client's first.</summary>
    public (Socket Client, Socket Server) Pair(SocketTrace trace, Action<Socket>? prepare = null)
    {
        using Socket listener = Listener(trace);
        Socket client = Stream(trace);
        prepare?.Invoke(client);
        client.Connect(Of(listener));
        return (client, trace.Own(listener.Accept()));
    }
}
