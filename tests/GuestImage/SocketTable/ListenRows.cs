using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>The connections that wait to be accepted.</summary>
internal static class ListenRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        new("listen", ListenAsync),
        new("listen without accept", BacklogAsync),
        new("accepted options", AcceptedOptions),
        new("accept a connection that was reset", ResetBeforeAccept),
        new("accept many", ManyAsync),
        new("accept disposed", DisposedAsync),
        new("listen, closed with connections", ClosedAsync),
        new("listen again at once", Again),
    ];

    private static async Task ListenAsync(SocketTrace trace)
    {
        Socket unbound = IPv4.Stream(trace);
        trace.Do("accept", () => unbound.Accept());
        trace.Do("unbound", () => unbound.Listen());
        trace.Get("at", () => unbound.LocalEndPoint);
        trace.Do("again", () => unbound.Listen(5));
        trace.Get("listens", () => unbound.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection));
        unbound.Blocking = false;
        trace.Do("accept at once", () => unbound.Accept());
        Socket datagrams = IPv4.BoundDatagrams(trace);
        trace.Do("datagrams", () => datagrams.Listen());
        Socket listener = IPv4.Listener(trace);
        Task<Socket> accepting = SocketTrace.Begin(listener.Accept);
        Socket client = IPv4.Stream(trace);
        client.Connect(listener.LocalEndPoint!);
        Socket server = trace.Own((await trace.GetAsync("accept", () => accepting))!);
        trace.Say($"blocks {trace.Show(server.Blocking)} connected {trace.Show(server.Connected)} bound {trace.Show(server.IsBound)}");
        await trace.GetAsync("accept cancelled", () => SocketTrace.CancelAsync(token => listener.AcceptAsync(token).AsTask()));
        Task<Socket> two = listener.AcceptAsync();
        Task<Socket> three = listener.AcceptAsync();
        (Socket second, Socket third) = (IPv4.Stream(trace), IPv4.Stream(trace));
        await second.ConnectAsync(listener.LocalEndPoint!);
        await third.ConnectAsync(listener.LocalEndPoint!);
        await trace.GetAsync("accept in order", async () => Equals((await two).RemoteEndPoint, second.LocalEndPoint)
            && Equals((await three).RemoteEndPoint, third.LocalEndPoint));
    }

    private static async Task BacklogAsync(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace, backlog: 1);
        await trace.DoAsync("first", () => IPv4.Stream(trace).ConnectAsync(listener.LocalEndPoint!));
        await trace.DoAsync("second", () => IPv4.Stream(trace).ConnectAsync(listener.LocalEndPoint!));
        Task third = IPv4.Stream(trace).ConnectAsync(listener.LocalEndPoint!);
        await trace.GetAsync("fourth, cancelled", () => SocketTrace.CancelAsync(async token =>
        {
            await IPv4.Stream(trace).ConnectAsync(listener.LocalEndPoint!, token);
            return "ok";
        }));
        trace.Say($"third waits {trace.Show(!third.IsCompleted)}");
        trace.Get("accept", () => trace.Own(listener.Accept()).Connected);
        await trace.DoAsync("third", () => third);
        trace.Get("accept", () => trace.Own(listener.Accept()).Connected);
        trace.Get("accept", () => trace.Own(listener.Accept()).Connected);
        listener.Blocking = false;
        trace.Do("accept", () => listener.Accept());
    }

    private static void AcceptedOptions(SocketTrace trace)
    {
        using Socket listener = IPv4.Stream(trace);
        listener.NoDelay = true;
        listener.LingerState = new LingerOption(true, 7);
        listener.SendTimeout = 1234;
        listener.ReceiveTimeout = 2345;
        listener.Ttl = 33;
        listener.ReceiveBufferSize = 30_000;
        listener.SendBufferSize = 20_000;
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        listener.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 77);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Socket client = IPv4.Stream(trace);
        client.Connect(listener.LocalEndPoint!);
        Socket server = trace.Own(listener.Accept());
        trace.Get("no delay", () => server.NoDelay);
        trace.Get("linger", () => server.LingerState);
        trace.Get("send time-out", () => server.SendTimeout);
        trace.Get("receive time-out", () => server.ReceiveTimeout);
        trace.Get("ttl", () => server.Ttl);
        trace.Get("receive buffer", () => server.ReceiveBufferSize);
        trace.Get("send buffer", () => server.SendBufferSize);
        trace.Get("keep alive", () => server.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
        trace.Get("time", () => server.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime));
        trace.Get("listens", () => server.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection));
    }

    private static void ResetBeforeAccept(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        Socket client = IPv4.Stream(trace);
        client.Connect(listener.LocalEndPoint!);
        client.Send(Bytes("gone"));
        client.LingerState = new LingerOption(true, 0);
        client.Dispose();
        listener.Poll(Patience, SelectMode.SelectRead);

        // Another one shows that the reset has come.
        Socket other = IPv4.Stream(trace);
        other.Connect(listener.LocalEndPoint!);
        Socket server = trace.Own(listener.Accept());
        server.Poll(Patience, SelectMode.SelectError);
        trace.Get("receive", () => StreamRows.Read(server, 4));
        trace.Get("receive", () => server.Receive(new byte[1]));
        trace.Get("receive", () => server.Receive(new byte[1]));
        trace.Get("peer", () => server.RemoteEndPoint);
    }

    private static async Task ManyAsync(SocketTrace trace)
    {
        const int count = 40;
        Socket listener = IPv4.Listener(trace, backlog: 64);
        Task<int> serving = Task.Run(async () =>
        {
            int sum = 0;
            for (int i = 0; i < count; i++)
            {
                using Socket server = await listener.AcceptAsync();
                byte[] buffer = new byte[1];
                sum += await server.ReceiveAsync(buffer) * (buffer[0] & 1);
                await server.SendAsync(buffer);
            }

            return sum;
        });
        int wrong = 0;
        for (int i = 0; i < count; i++)
        {
            using Socket client = IPv4.Stream(new SocketTrace());
            await client.ConnectAsync(listener.LocalEndPoint!);
            await client.SendAsync(new[] { (byte)i });
            wrong += StreamRows.Read(client, 2) is [var back] && back == (byte)i ? 0 : 1;
        }

        await trace.GetAsync("served", () => serving);
        trace.Say($"wrong {wrong}");
    }

    private static async Task DisposedAsync(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        Task<Socket> accepting = listener.AcceptAsync();
        listener.Dispose();
        await trace.GetAsync("accept", () => accepting);
        await trace.GetAsync("accept afterwards", () => listener.AcceptAsync());
        await trace.DisposeMeanwhileAsync("accept of a thread", () => IPv4.Listener(trace), blocking => blocking.Accept());
        TcpListener tcp = trace.Own(new TcpListener(IPAddress.Loopback, 0));
        tcp.Start();
        Task<TcpClient> client = tcp.AcceptTcpClientAsync();
        tcp.Stop();
        await trace.GetAsync("accept of TcpListener", () => client);
        trace.Do("pending", () => tcp.Pending());
        Socket shut = IPv4.Listener(trace);
        trace.Do("shutdown of a listener", () => shut.Shutdown(SocketShutdown.Receive));
        trace.Do("accept", () => shut.Accept());
        Socket late = IPv4.Stream(trace);
        trace.Do("connect", () => late.Connect(shut.LocalEndPoint!));
        trace.Do("listen again", () => shut.Listen());
    }

    private static async Task ClosedAsync(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        Socket client = IPv4.Stream(trace);
        client.Connect(listener.LocalEndPoint!);
        Task<int> receiving = client.ReceiveAsync(new byte[1]);
        listener.Dispose();
        await trace.GetAsync("receive", () => receiving);
        trace.Get("send", () => client.Send(new byte[1]));
    }

    private static void Again(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        IPEndPoint at = (IPEndPoint)listener.LocalEndPoint!;
        Socket client = IPv4.Stream(trace);
        client.Connect(at);
        Socket server = listener.Accept();

        // The server ends first, so that its side is in TIME-WAIT.
        server.Shutdown(SocketShutdown.Send);
        client.Receive(new byte[1]);
        client.Dispose();
        server.Receive(new byte[1]);
        server.Dispose();
        listener.Dispose();
        Socket next = IPv4.Stream(trace);
        trace.Do("bind", () => next.Bind(at));
        trace.Do("listen", () => next.Listen());
    }
}
