using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Where datagrams can go.</summary>
internal static class DestinationRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        new("datagrams to nobody", ToNobodyAsync),
        new("datagrams to all", Broadcast),
        new("datagrams not cut", NotCut),
        new("datagrams unreachable", Unreachable),
        new("datagrams shared out", Shared),
    ];

    private static async Task ToNobodyAsync(SocketTrace trace)
    {
        Socket socket = IPv4.Datagrams(trace);
        socket.ReceiveTimeout = 20;
        trace.Get("send", () => socket.Send(Bytes("a")));
        trace.Get("receive", () => socket.Receive(new byte[1]));
        trace.Get("receive from", () =>
        {
            EndPoint from = IPv4.Any;
            return socket.ReceiveFrom(new byte[1], ref from);
        });
        await trace.GetAsync("send by a task", () => socket.SendAsync(Bytes("a")));
        trace.Get("to port 0", () => socket.SendTo(Bytes("a"), new IPEndPoint(IPAddress.Loopback, 0)));
        trace.Get("to six", () => socket.SendTo(Bytes("a"), new IPEndPoint(IPAddress.IPv6Loopback, 9)));
        Socket six = IPv6.Datagrams(trace);
        trace.Get("to four by six only", () => six.SendTo(Bytes("a"), new IPEndPoint(IPAddress.Loopback, 9)));
        trace.Get("to mapped by six only", () => six.SendTo(Bytes("a"), new IPEndPoint(IPAddress.Loopback.MapToIPv6(), 9)));
        trace.Do("shutdown", () => socket.Shutdown(SocketShutdown.Both));
        trace.Do("accept", () => socket.Accept());
        Socket other = IPv4.Datagrams(trace);
        trace.Do("send of nobody", () => other.Send(Array.Empty<byte>()));
    }

    private static void Broadcast(SocketTrace trace)
    {
        Socket socket = IPv4.Datagrams(trace);
        Socket server = IPv4.Datagrams(trace);
        server.Bind(IPv4.Any);
        int port = ((IPEndPoint)server.LocalEndPoint!).Port;
        trace.Get("enabled", () => socket.EnableBroadcast);
        foreach (string text in (string[])["255.255.255.255", "10.9.0.255", "127.255.255.255"])
        {
            IPEndPoint all = new(IPAddress.Parse(text), port);
            socket.EnableBroadcast = false;
            trace.Get($"{text} not allowed", () => socket.SendTo(Bytes("all"), all));
            Socket connected = IPv4.Datagrams(trace);
            trace.Do("connect", () => connected.Connect(all));
            socket.EnableBroadcast = true;
            trace.Get("allowed", () => socket.SendTo(Bytes("all"), all));
            connected.EnableBroadcast = true;
            trace.Do("connect", () => connected.Connect(all));

            // What is sent behind it comes behind it.
            socket.SendTo(Bytes("behind"), new IPEndPoint(IPAddress.Loopback, port));
            byte[] buffer = new byte[9];
            int heard = trace.Get("heard here", () => server.Receive(buffer));
            if (heard == 3)
            {
                server.Receive(buffer);
            }
        }
    }

    private static void NotCut(SocketTrace trace)
    {
        Socket socket = IPv4.Datagrams(trace);
        IPEndPoint neighbour = new(IPAddress.Parse("10.9.0.84"), 9);
        trace.Get("dont fragment", () => socket.DontFragment);
        trace.Get("large", () => socket.SendTo(new byte[2_000], neighbour));

        // In a guest, an option holds for what has not left yet: as what was sent behind it has come, it has left.
        Socket server = IPv4.BoundDatagrams(trace);
        socket.SendTo(Bytes("behind"), server.LocalEndPoint!);
        server.Receive(new byte[9]);
        socket.DontFragment = true;
        trace.Get("large, not cut", () => socket.SendTo(new byte[2_000], neighbour));
        trace.Get("small", () => socket.SendTo(new byte[1_472], neighbour));
        socket.DontFragment = false;
        trace.Get("large", () => socket.SendTo(new byte[2_000], neighbour));
    }

    private static void Unreachable(SocketTrace trace)
    {
        Socket four = IPv4.Datagrams(trace);
        Socket six = IPv6.Datagrams(trace);
        IPEndPoint away = new(IPAddress.Parse("198.51.100.1"), 9);
        IPEndPoint away6 = new(IPAddress.Parse("2001:db8::1"), 9);
        trace.Get("send", () => four.SendTo(Bytes("a"), away));
        trace.Get("again", () => four.SendTo(Bytes("a"), away));
        trace.Get("six", () => six.SendTo(Bytes("a"), away6));
        trace.Do("connect", () => four.Connect(away));
        trace.Do("connect six", () => six.Connect(away6));
        Socket bound = IPv4.BoundDatagrams(trace);
        trace.Get("out of the loopback", () => bound.SendTo(Bytes("a"), new IPEndPoint(IPAddress.Parse("10.9.0.85"), 9)));
        trace.Do("connect out of it", () => bound.Connect(IPAddress.Parse("10.9.0.85"), 9));
    }

    private static void Shared(SocketTrace trace)
    {
        // Of two with SO_REUSEADDR alone the later one receives, as on Linux.
        Socket first = IPv4.Datagrams(trace);
        Socket second = IPv4.Datagrams(trace);
        foreach (Socket each in (Socket[])[first, second])
        {
            each.SetRawSocketOption(1, 2, BitConverter.GetBytes(1));
        }

        first.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        trace.Do("bind", () => second.Bind(first.LocalEndPoint!));
        Socket client = IPv4.Datagrams(trace);
        client.SendTo(Bytes("a"), first.LocalEndPoint!);
        trace.Get("second", () => second.Poll(Patience, SelectMode.SelectRead));
        trace.Get("first", () => first.Poll(0, SelectMode.SelectRead));

        // A connected one is nearer, and so is one of the very address.
        Socket any = IPv4.Datagrams(trace);
        any.Bind(IPv4.Any);
        Socket exact = IPv4.Datagrams(trace);
        exact.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        trace.Do("beside any", () => exact.Bind(new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)any.LocalEndPoint!).Port)));
    }
}
