using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>How connections begin, or fail to.</summary>
internal static class ConnectRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        .. SocketFamily.All.Select(family => new SocketRow($"connect refused {family.Name}", trace => RefusedAsync(trace, family))),
        new("connect to places", PlacesAsync),
        new("connect unanswered", UnansweredAsync),
        new("connect without waiting", WithoutWaiting),
        new("connect twice", Twice),
        new("connect to itself", ToItself),
        new("connect from a port", FromAPort),
        new("connect across families", AcrossFamilies),
        new("connect, disconnect", Disconnect),
        new("connect after a failure", AfterFailure),
        new("connect by TcpClient", ClientAsync),
        new("connect cancelled", CancelledAsync),
    ];

    private static async Task RefusedAsync(SocketTrace trace, SocketFamily family)
    {
        IPEndPoint nobody = family.Nobody;
        Socket socket = family.Stream(trace);
        trace.Do("connect", () => socket.Connect(nobody));
        trace.Get("connected", () => socket.Connected);
        trace.Get("local", () => socket.LocalEndPoint);
        trace.Get("remote", () => socket.RemoteEndPoint);
        trace.Get("send", () => socket.Send(new byte[1]));
        trace.Get("receive", () => socket.Receive(new byte[1]));
        trace.Do("shutdown", () => socket.Shutdown(SocketShutdown.Both));
        Socket other = family.Stream(trace);
        await trace.DoAsync("by a task", () => other.ConnectAsync(nobody));
        trace.Get("error", () => other.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
    }

    private static async Task PlacesAsync(SocketTrace trace)
    {
        foreach ((string address, int port) in ((string, int)[])
        [
            ("127.0.0.1", 0), ("127.9.9.9", 9), ("0.0.0.0", 9), ("255.255.255.255", 9), ("127.255.255.255", 9), ("224.0.0.251", 9),
            ("198.51.100.1", 9), ("10.9.0.2", 9), ("10.9.0.255", 9), ("::", 9), ("::1", 0), ("fd09::2", 9), ("2001:db8::1", 9),
            ("ff02::1", 9),
        ])
        {
            IPAddress to = IPAddress.Parse(address);
            using Socket socket = new(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await trace.DoAsync($"{address}|{port}", () => socket.ConnectAsync(to, port));
        }
    }

    private static async Task UnansweredAsync(SocketTrace trace)
    {
        // A neighbour that is not there: nobody answers who has the address.
        using Socket socket = IPv4.Stream(trace);
        using Socket socket6 = IPv6.Stream(trace);
        await trace.GetAsync("cancelled", () => SocketTrace.CancelAsync(async token =>
        {
            await socket.ConnectAsync(IPAddress.Parse("10.9.0.77"), 9, token);
            return "ok";
        }));
        trace.Get("connected", () => socket.Connected);
        Task waiting = socket6.ConnectAsync(IPAddress.Parse("fd09::77"), 9);
        using Socket other = IPv4.Stream(trace);
        await trace.DoAsync("no neighbour", () => other.ConnectAsync(IPAddress.Parse("10.9.0.78"), 9));
        await trace.DoAsync("no neighbour 6", () => waiting);
        Socket datagrams = IPv4.Datagrams(trace);
        for (int i = 0; i < 2; i++)
        {
            trace.Get("datagram", () => datagrams.SendTo(Bytes("a"), new IPEndPoint(IPAddress.Parse("10.9.0.78"), 9)));
        }
    }

    private static void WithoutWaiting(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        Socket socket = IPv4.Stream(trace);
        socket.Blocking = false;
        trace.Do("connect", () => socket.Connect(listener.LocalEndPoint!));
        trace.Get("writable", () => socket.Poll(Patience, SelectMode.SelectWrite));
        trace.Get("error", () => socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
        trace.Get("connected", () => socket.Connected);
        trace.Do("again", () => socket.Connect(listener.LocalEndPoint!));
        trace.Get("connected", () => socket.Connected);
        trace.Get("remote", () => socket.RemoteEndPoint);
        Socket refused = IPv4.Stream(trace);
        refused.Blocking = false;
        IPEndPoint nobody = IPv4.Nobody;
        trace.Do("connect", () => refused.Connect(nobody));
        trace.Get("writable", () => refused.Poll(Patience, SelectMode.SelectWrite));
        trace.Get("readable", () => refused.Poll(0, SelectMode.SelectRead));
        trace.Get("failed", () => refused.Poll(0, SelectMode.SelectError));
        trace.Get("error", () => refused.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
        trace.Get("error again", () => refused.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
        trace.Get("connected", () => refused.Connected);
        Socket waiting = IPv4.Stream(trace);
        waiting.Blocking = false;
        trace.Do("connect", () => waiting.Connect(IPAddress.Parse("10.9.0.79"), 9));
        trace.Do("again", () => waiting.Connect(IPAddress.Parse("10.9.0.79"), 9));
        trace.Get("writable", () => waiting.Poll(0, SelectMode.SelectWrite));
        trace.Get("readable", () => waiting.Poll(0, SelectMode.SelectRead));
        trace.Get("send", () => waiting.Send(new byte[1]));
        trace.Get("receive", () => waiting.Receive(new byte[1]));
        trace.Get("error", () => waiting.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
    }

    private static void Twice(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        Socket socket = IPv4.Stream(trace);
        socket.Connect(listener.LocalEndPoint!);
        trace.Do("again", () => socket.Connect(listener.LocalEndPoint!));
        trace.Do("listen", () => socket.Listen());
        trace.Do("bind", () => socket.Bind(new IPEndPoint(IPAddress.Loopback, 0)));
        trace.Do("connect the listener", () => listener.Connect(IPAddress.Loopback, 9));
        trace.Do("receive of the listener", () => listener.Receive(new byte[1]));
        trace.Do("send of the listener", () => listener.Send(new byte[1]));
        trace.Do("shut down the listener", () => listener.Shutdown(SocketShutdown.Both));
    }

    private static void ToItself(SocketTrace trace)
    {
        Socket socket = IPv4.Stream(trace);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        trace.Do("connect", () => socket.Connect(socket.LocalEndPoint!));
        trace.Get("local", () => socket.LocalEndPoint);
        trace.Get("remote", () => socket.RemoteEndPoint);
        trace.Get("send", () => socket.Send(Bytes("me")));
        trace.Get("receive", () => StreamRows.Read(socket, 2));
        trace.Do("shutdown", () => socket.Shutdown(SocketShutdown.Send));
        trace.Get("receive", () => socket.Receive(new byte[1]));
    }

    private static void FromAPort(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        Socket first = IPv4.Stream(trace);
        first.Bind(new IPEndPoint(IPAddress.Any, 0));
        trace.Get("local", () => first.LocalEndPoint);
        trace.Do("connect", () => first.Connect(listener.LocalEndPoint!));
        trace.Get("local", () => first.LocalEndPoint);
        Socket accepted = trace.Own(listener.Accept());
        trace.Get("peer", () => accepted.RemoteEndPoint);
        Socket second = IPv4.Stream(trace);
        second.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        trace.Do("bind the same", () => second.Bind(first.LocalEndPoint!));
        Socket other = IPv4.Stream(trace);
        other.Bind(new IPEndPoint(IPAddress.Parse("10.9.0.2"), 0));
        trace.Do("from another address", () => other.Connect(listener.LocalEndPoint!));
        trace.Get("local", () => other.LocalEndPoint);
        trace.Get("peer", () => trace.Own(listener.Accept()).RemoteEndPoint);
        Socket away = IPv4.Stream(trace);
        away.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        trace.Do("out of the loopback", () => away.Connect(IPAddress.Parse("10.9.0.80"), 9));
    }

    private static void AcrossFamilies(SocketTrace trace)
    {
        Socket six = IPv6.Listener(trace);
        Socket four = IPv4.Listener(trace);
        Socket only = trace.Own(new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = false });
        trace.Do("four by six only", () => only.Connect(four.LocalEndPoint!));
        trace.Do("mapped by six only", () => only.Connect(IPAddress.Loopback.MapToIPv6(), IPv4.Of(four).Port));
        Socket both = trace.Own(new Socket(SocketType.Stream, ProtocolType.Tcp));
        trace.Say($"{both.AddressFamily} dual {trace.Show(both.DualMode)}");
        trace.Do("four by both", () => both.Connect(four.LocalEndPoint!));
        trace.Get("local", () => both.LocalEndPoint);
        trace.Get("remote", () => both.RemoteEndPoint);
        Socket plain = IPv4.Stream(trace);
        trace.Do("six by four", () => plain.Connect(six.LocalEndPoint!));
        Socket third = trace.Own(new Socket(SocketType.Stream, ProtocolType.Tcp));
        third.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        trace.Do("four by both, bound", () => third.Connect(four.LocalEndPoint!));
        trace.Get("local", () => third.LocalEndPoint);
        Socket late = trace.Own(new Socket(SocketType.Stream, ProtocolType.Tcp));
        late.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        trace.Do("four by six, bound", () => late.Connect(four.LocalEndPoint!));
        trace.Do("dual when bound", () => late.DualMode = false);
    }

    private static void Disconnect(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        trace.Do("disconnect", () => client.Disconnect(reuseSocket: false));
        trace.Get("connected", () => client.Connected);
        trace.Get("peer receives", () => server.Receive(new byte[1]));
        trace.Get("send", () => client.Send(new byte[1]));
        (client, server) = IPv4.Pair(trace);
        trace.Do("disconnect to use again", () => client.Disconnect(reuseSocket: true));
        Socket listener = IPv4.Listener(trace);
        trace.Do("connect again", () => client.Connect(listener.LocalEndPoint!));
        Socket unconnected = IPv4.Stream(trace);
        trace.Do("disconnect nobody", () => unconnected.Disconnect(reuseSocket: false));
    }

    private static void AfterFailure(SocketTrace trace)
    {
        Socket socket = IPv4.Stream(trace);
        trace.Do("connect", () => socket.Connect(IPv4.Nobody));
        Socket listener = IPv4.Listener(trace);
        trace.Do("connect another", () => socket.Connect(listener.LocalEndPoint!));
        trace.Get("connected", () => socket.Connected);
    }

    private static async Task ClientAsync(SocketTrace trace)
    {
        TcpListener listener = trace.Own(new TcpListener(IPAddress.Loopback, 0));
        trace.Do("not started", () => listener.AcceptTcpClient());
        listener.Start();
        trace.Get("at", () => listener.LocalEndpoint);
        trace.Get("pending", () => listener.Pending());
        using TcpClient client = new();
        trace.Get("connected", () => client.Connected);
        trace.Get("stream", () => client.GetStream());
        trace.Do("connect", () => client.Connect((IPEndPoint)listener.LocalEndpoint));
        listener.Server.Poll(Patience, SelectMode.SelectRead);
        trace.Get("pending", () => listener.Pending());
        using TcpClient server = await listener.AcceptTcpClientAsync();
        trace.Say($"{trace.Show(server.Connected)} {trace.Show(server.NoDelay)} {server.LingerState?.Enabled}");
        trace.Do("connect again", () => client.Connect((IPEndPoint)listener.LocalEndpoint));
        IPEndPoint at = (IPEndPoint)listener.LocalEndpoint;
        listener.Stop();
        using TcpClient late = new();
        await trace.DoAsync("stopped", () => late.ConnectAsync(at));
        await trace.DoAsync("refused", () => new TcpClient().ConnectAsync(IPv4.Nobody));
        using TcpListener again = new(at);
        trace.Do("start again", () => again.Start());
        using TcpClient next = new();
        await trace.DoAsync("connect", () => next.ConnectAsync(at));
        client.Close();
        trace.Get("after close", () => client.Connected);
        trace.Get("its stream", () => client.GetStream());
    }

    private static async Task CancelledAsync(SocketTrace trace)
    {
        Socket socket = IPv4.Stream(trace);
        using CancellationTokenSource cancelled = new();
        Task waiting = socket.ConnectAsync(IPAddress.Parse("10.9.0.81"), 9, cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await trace.DoAsync("cancelled", () => waiting);
        Socket second = IPv4.Stream(trace);
        await trace.DoAsync("before", () => second.ConnectAsync(IPv4.Nobody, cancelled.Token).AsTask());
        Socket third = IPv4.Stream(trace);
        waiting = third.ConnectAsync(IPAddress.Parse("10.9.0.82"), 9);
        third.Dispose();
        await trace.DoAsync("disposed", () => waiting);
        await trace.DisposeMeanwhileAsync("disposed while a thread waits", () => IPv4.Stream(trace), fourth =>
        {
            fourth.Connect(IPAddress.Parse("10.9.0.83"), 9);
            return "ok";
        });
    }
}
