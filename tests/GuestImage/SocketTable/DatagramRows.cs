using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Datagrams.</summary>
internal static class DatagramRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        .. SocketFamily.All.SelectMany(family => (SocketRow[])
        [
            new($"datagrams {family.Name}", trace => EchoAsync(trace, family)),
            new($"datagrams refused {family.Name}", trace => Refused(trace, family)),
            new($"datagrams with their addresses {family.Name}", trace => MessagesAsync(trace, family)),
        ]),
        new("datagrams of all sizes", SizesAsync),
        new("datagrams cut short", CutAsync),
        new("datagrams of a connected socket", Connected),
        new("datagrams in time", TimesAsync),
        new("datagrams by UdpClient", ClientAsync),
        new("datagrams after shutdown", ShutDown),
        new("datagrams until full", UntilFull),
        new("datagrams disposed and cancelled", EndsAsync),
    ];

    private static async Task EchoAsync(SocketTrace trace, SocketFamily family)
    {
        Socket server = family.BoundDatagrams(trace);
        Socket client = trace.Own(new Socket(family.Client, SocketType.Dgram, ProtocolType.Udp));
        trace.Get("local", () => client.LocalEndPoint);
        trace.Get("send", () => client.SendTo(Bytes("one"), family.Of(server)));
        trace.Get("local", () => client.LocalEndPoint);
        byte[] buffer = new byte[9];
        EndPoint from = family.Any;
        trace.Get("receive", () => server.ReceiveFrom(buffer, ref from));
        trace.Get("from", () => from);
        trace.Get("answer", () => server.SendTo(buffer, 0, 3, SocketFlags.None, from));
        trace.Get("receive", () => client.Receive(buffer));
        await trace.GetAsync("send", () => client.SendToAsync(Bytes("two"), SocketFlags.None, family.Of(server)));
        await trace.GetAsync("receive", () => server.ReceiveFromAsync(buffer, SocketFlags.None, family.Any));
        client.SendTo(Bytes("three"), family.Of(server));
        client.SendTo(Bytes(""), family.Of(server));
        client.SendTo(Bytes("four"), family.Of(server));
        server.Poll(Patience, SelectMode.SelectRead);
        trace.Get("available", () => server.Available);
        trace.Get("peek", () => server.ReceiveFrom(buffer, SocketFlags.Peek, ref from));
        trace.Get("receive", () => server.ReceiveFrom(buffer, ref from));
        trace.Get("available", () => server.Available);
        trace.Get("receive", () => server.ReceiveFrom(buffer, ref from));
        trace.Get("receive", () => server.ReceiveFrom(buffer, ref from));
        List<ArraySegment<byte>> pieces = [Bytes("a"), Bytes("bc"), Bytes(""), Bytes("d")];
        client.Connect(family.Of(server));
        trace.Get("send pieces", () => client.Send(pieces));
        await trace.GetAsync("receive", () => server.ReceiveAsync([new ArraySegment<byte>(buffer, 0, 2), new(buffer, 4, 5)]));
    }

    private static void Refused(SocketTrace trace, SocketFamily family)
    {
        IPEndPoint nobody = family.Nobody;
        Socket connected = trace.Own(new Socket(family.Client, SocketType.Dgram, ProtocolType.Udp));
        connected.Connect(nobody);
        trace.Get("send", () => connected.Send(Bytes("a")));
        trace.Get("failed", () => connected.Poll(Patience, SelectMode.SelectError));
        trace.Get("readable", () => connected.Poll(0, SelectMode.SelectRead));
        trace.Get("receive", () => connected.Receive(new byte[1]));
        trace.Get("readable", () => connected.Poll(0, SelectMode.SelectRead));
        trace.Get("send", () => connected.Send(Bytes("a")));
        connected.Poll(Patience, SelectMode.SelectError);
        trace.Get("send again", () => connected.Send(Bytes("a")));
        trace.Get("and again", () => connected.Send(Bytes("a")));
        connected.Poll(Patience, SelectMode.SelectError);
        trace.Get("error", () => connected.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
        Socket unconnected = trace.Own(new Socket(family.Client, SocketType.Dgram, ProtocolType.Udp));
        trace.Get("send to", () => unconnected.SendTo(Bytes("a"), nobody));
        trace.Get("readable", () => unconnected.Poll(50_000, SelectMode.SelectRead));
    }

    private static async Task MessagesAsync(SocketTrace trace, SocketFamily family)
    {
        Socket server = family.Datagrams(trace);
        server.Bind(family.Any);
        IPEndPoint to = family.Of(server);
        Socket client = trace.Own(new Socket(family.Client, SocketType.Dgram, ProtocolType.Udp));
        client.SendTo(Bytes("hello"), to);
        byte[] buffer = new byte[9];

        // What has come before the interface was asked for does not have it.
        await server.ReceiveMessageFromAsync(buffer, SocketFlags.None, family.Any);
        SocketFlags flags = SocketFlags.None;
        EndPoint from = family.Any;
        IPPacketInformation information = default;
        client.SendTo(Bytes("hello"), to);
        trace.Get("receive", () => server.ReceiveMessageFrom(buffer, 0, 9, ref flags, ref from, out information));
        trace.Say($"{flags} from {trace.Show(from)} to {trace.Show(information)}");
        client.SendTo(Bytes("hello"), new IPEndPoint(family.Client == AddressFamily.InterNetwork ? IPAddress.Parse("10.9.0.2")
            : IPAddress.Parse("fd09::2"), to.Port));
        await trace.GetAsync("of another address", () => server.ReceiveMessageFromAsync(buffer, SocketFlags.None, family.Any));
        client.SendTo(Bytes("hello"), to);
        flags = SocketFlags.Peek;
        trace.Get("peek", () => server.ReceiveMessageFrom(buffer, 0, 9, ref flags, ref from, out information));
        trace.Say($"{flags} to {trace.Show(information)}");
        flags = SocketFlags.None;
        trace.Get("less room", () => server.ReceiveMessageFrom(buffer, 0, 2, ref flags, ref from, out information));
        trace.Say($"{flags} to {trace.Show(information)}");
        Socket stream = family.Stream(trace);
        trace.Get("of a stream", () => stream.ReceiveMessageFrom(buffer, 0, 2, ref flags, ref from, out information));
    }

    private static async Task SizesAsync(SocketTrace trace)
    {
        foreach (SocketFamily family in (SocketFamily[])[IPv4, IPv6])
        {
            Socket server = family.BoundDatagrams(trace);
            Socket client = family.Datagrams(trace);
            client.SendBufferSize = 300_000;
            server.ReceiveBufferSize = 300_000;
            foreach (int size in (int[])[0, 1, 1_472, 1_473, 30_000, 65_507, 65_508, 65_527, 65_528, 70_000])
            {
                byte[] sent = new byte[size];
                new Random(size).NextBytes(sent);
                byte[] buffer = new byte[70_000];
                int count = trace.Get($"send {size}", () => client.SendTo(sent, family.Of(server)));
                if (count == size && size <= 65_527)
                {
                    SocketReceiveFromResult got = await server.ReceiveFromAsync(buffer, SocketFlags.None, family.Any);
                    trace.Say(trace.Show(buffer.AsSpan(0, got.ReceivedBytes).SequenceEqual(sent)));
                }
            }
        }
    }

    private static async Task CutAsync(SocketTrace trace)
    {
        Socket server = IPv4.BoundDatagrams(trace);
        Socket client = IPv4.Datagrams(trace);
        client.Connect(server.LocalEndPoint!);
        EndPoint from = IPv4.Any;
        byte[] buffer = new byte[3];
        for (int i = 0; i < 6; i++)
        {
            client.Send(Bytes("abcdef"));
        }

        trace.Get("receive", () => server.Receive(buffer));
        trace.Get("receive from", () => server.ReceiveFrom(buffer, ref from));
        trace.Get("receive truncated", () => server.Receive(buffer, SocketFlags.Truncated));
        await trace.GetAsync("receive", () => server.ReceiveAsync(buffer));
        await trace.GetAsync("receive from", () => server.ReceiveFromAsync(buffer, SocketFlags.None, IPv4.Any));
        trace.Get("receive nothing", () => server.Receive(Array.Empty<byte>()));
        trace.Get("available", () => server.Available);
    }

    private static void Connected(SocketTrace trace)
    {
        Socket server = IPv4.BoundDatagrams(trace);
        Socket stranger = IPv4.BoundDatagrams(trace);
        Socket client = IPv4.Datagrams(trace);
        trace.Do("connect", () => client.Connect(server.LocalEndPoint!));
        trace.Get("local", () => client.LocalEndPoint);
        trace.Get("remote", () => client.RemoteEndPoint);
        trace.Get("connected", () => client.Connected);
        stranger.SendTo(Bytes("strange"), client.LocalEndPoint!);
        server.SendTo(Bytes("known"), client.LocalEndPoint!);
        byte[] buffer = new byte[9];
        trace.Get("receive", () => client.Receive(buffer));
        trace.Get("send to another", () => client.SendTo(Bytes("ab"), stranger.LocalEndPoint!));
        trace.Get("it receives", () => stranger.Receive(buffer));
        trace.Do("connect another", () => client.Connect(stranger.LocalEndPoint!));
        trace.Get("remote", () => client.RemoteEndPoint);
        trace.Get("send", () => client.Send(Bytes("abc")));
        trace.Get("it receives", () => stranger.Receive(buffer));
        trace.Do("disconnect", () => client.Disconnect(false));
        trace.Get("connected", () => client.Connected);
        trace.Get("send", () => client.Send(Bytes("abc")));
        Socket any = IPv4.Datagrams(trace);
        any.Bind(IPv4.Any);
        trace.Get("local", () => any.LocalEndPoint);
        trace.Do("connect to any", () => any.Connect(IPAddress.Any, ((IPEndPoint)server.LocalEndPoint!).Port));
        trace.Get("local", () => any.LocalEndPoint);
        trace.Get("remote", () => any.RemoteEndPoint);
    }

    private static async Task TimesAsync(SocketTrace trace)
    {
        Socket socket = IPv4.BoundDatagrams(trace);
        socket.ReceiveTimeout = 30;
        EndPoint from = IPv4.Any;
        trace.Get("receive", () => socket.ReceiveFrom(new byte[1], ref from));
        socket.Blocking = false;
        trace.Get("receive at once", () => socket.ReceiveFrom(new byte[1], ref from));
        trace.Get("readable", () => socket.Poll(1000, SelectMode.SelectRead));
        trace.Get("writable", () => socket.Poll(1000, SelectMode.SelectWrite));
        await trace.GetAsync("cancelled", () => SocketTrace.CancelAsync(
            token => socket.ReceiveFromAsync(new byte[1], SocketFlags.None, IPv4.Any, token).AsTask()));
        Socket other = IPv4.Datagrams(trace);
        await trace.GetAsync("send", () => other.SendToAsync(Bytes("late"), socket.LocalEndPoint!));
        await trace.GetAsync("receive", () => socket.ReceiveFromAsync(new byte[9], SocketFlags.None, IPv4.Any));
    }

    private static async Task ClientAsync(SocketTrace trace)
    {
        using UdpClient server = new(new IPEndPoint(IPAddress.Loopback, 0));
        using UdpClient client = new();
        trace.Get("send", () => client.Send([1, 2], 2));
        client.Connect((IPEndPoint)server.Client.LocalEndPoint!);
        trace.Get("send", () => client.Send(Bytes("one"), 3));
        await trace.GetAsync("receive", () => server.ReceiveAsync());
        trace.Get("send elsewhere", () => client.Send(Bytes("one"), 3, new IPEndPoint(IPAddress.Loopback, 9)));
        await trace.GetAsync("send", () => client.SendAsync(Bytes("two"), 3));
        IPEndPoint? from = null;
        trace.Get("receive", () => server.Receive(ref from));
        trace.Get("from", () => from);
        trace.Say($"ttl {client.Ttl} dont fragment {trace.Show(client.DontFragment)} exclusive {trace.Show(client.ExclusiveAddressUse)}");
        Task<UdpReceiveResult> receiving = server.ReceiveAsync();
        server.Close();
        await trace.GetAsync("receive while closed", () => receiving);
        await trace.GetAsync("receive after", () => server.ReceiveAsync());
        using UdpClient six = new(0, AddressFamily.InterNetworkV6);
        trace.Get("at", () => six.Client.LocalEndPoint);
    }

    private static void ShutDown(SocketTrace trace)
    {
        Socket server = IPv4.BoundDatagrams(trace);
        Socket client = IPv4.Datagrams(trace);
        client.Connect(server.LocalEndPoint!);
        trace.Do("shutdown send", () => client.Shutdown(SocketShutdown.Send));
        trace.Get("send", () => client.Send(Bytes("a")));
        server.SendTo(Bytes("b"), client.LocalEndPoint!);
        trace.Get("receive", () => client.Receive(new byte[9]));
        trace.Do("shutdown receive", () => client.Shutdown(SocketShutdown.Receive));
        trace.Get("receive", () => client.Receive(new byte[9]));
        server.SendTo(Bytes("b"), client.LocalEndPoint!);

        // No poll tells when it has come: the socket is readable anyway.
        SocketTrace.Await(() => client.Available > 0);
        trace.Get("receive", () => client.Receive(new byte[9]));
        client.Blocking = false;
        trace.Get("receive at once", () => client.Receive(new byte[9]));
    }

    private static void UntilFull(SocketTrace trace)
    {
        Socket server = IPv4.BoundDatagrams(trace);
        server.ReceiveBufferSize = 5_000;
        Socket client = IPv4.Datagrams(trace);
        for (int i = 0; i < 200; i++)
        {
            client.SendTo(new byte[1_000], server.LocalEndPoint!);
        }

        // Where the last one has come, all others have come or are lost.
        Socket last = IPv4.BoundDatagrams(trace);
        client.SendTo(Bytes("last"), last.LocalEndPoint!);
        last.Receive(new byte[9]);
        int count = 0;
        while (server.Poll(0, SelectMode.SelectRead))
        {
            count += server.Receive(new byte[1_000]) / 1_000;
        }

        trace.Say($"lost some {trace.Show(count is > 0 and < 100)}");
    }

    private static async Task EndsAsync(SocketTrace trace)
    {
        Socket socket = IPv4.BoundDatagrams(trace);
        Task<SocketReceiveFromResult> receiving = socket.ReceiveFromAsync(new byte[1], SocketFlags.None, IPv4.Any);
        Task<SocketReceiveMessageFromResult> message = socket.ReceiveMessageFromAsync(new byte[1], SocketFlags.None, IPv4.Any);
        socket.Dispose();
        await trace.GetAsync("receive from", () => receiving);
        await trace.GetAsync("receive message from", () => message);
        await trace.DisposeMeanwhileAsync(
            "receive of a thread", () => IPv4.BoundDatagrams(trace), blocking => blocking.Receive(new byte[1]));
        trace.Get("send", () => socket.SendTo(Bytes("a"), IPv4.Nobody));
        Socket other = IPv4.BoundDatagrams(trace);
        await trace.GetAsync("message cancelled", () => SocketTrace.CancelAsync(
            token => other.ReceiveMessageFromAsync(new byte[1], SocketFlags.None, IPv4.Any, token).AsTask()));
    }
}
