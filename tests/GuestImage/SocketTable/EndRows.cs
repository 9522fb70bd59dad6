using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>How connections end, and operations before their time.</summary>
internal static class EndRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        .. SocketFamily.All.Select(family => new SocketRow($"end, half {family.Name}", trace => Half(trace, family))),
        new("end by close", ByCloseAsync),
        new("end with unread data", Unread),
        new("end by a reset", Reset),
        new("end with linger", LingerAsync),
        new("end of receiving", Receiving),
        new("end twice", TwiceAsync),
        new("end of nobody", Nobody),
        new("end while operations wait", DisposedAsync),
        new("end while threads wait", BlockedAsync),
        new("end by cancellation", CancelledAsync),
        new("end after the end", AfterDispose),
        new("end with data on the way", OnTheWayAsync),
    ];

    private static void Half(SocketTrace trace, SocketFamily family)
    {
        (Socket client, Socket server) = family.Pair(trace);
        client.Send(Bytes("question"));
        trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Send));
        trace.Get("receive", () => StreamRows.Read(server, 99));
        trace.Get("send", () => server.Send(Bytes("answer")));
        trace.Do("shutdown", () => server.Shutdown(SocketShutdown.Send));
        trace.Get("receive", () => StreamRows.Read(client, 99));
        trace.Get("send", () => server.Send(Bytes("more")));
        trace.Get("connected", () => client.Connected);
        trace.Get("peer", () => client.RemoteEndPoint);
    }

    private static async Task ByCloseAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        server.Dispose();
        trace.Get("receive", () => client.Receive(new byte[1]));
        trace.Get("send", () => client.Send(Bytes("a")));

        // A reset comes back; where the peer had ended before, Linux calls it a broken pipe.
        trace.Get("failed", () => client.Poll(Patience, SelectMode.SelectError));
        trace.Get("send", () => client.Send(Bytes("a")));
        trace.Get("receive", () => client.Receive(new byte[1]));
        await trace.GetAsync("send", () => client.SendAsync(Bytes("a")));
        await trace.GetAsync("receive", () => client.ReceiveAsync(new byte[1]));
        trace.Get("error", () => client.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
        trace.Get("peer", () => client.RemoteEndPoint);
        trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Both));
    }

    private static void Unread(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("nobody reads this"));
        server.Poll(Patience, SelectMode.SelectRead);
        server.Send(Bytes("last"));
        server.Dispose();
        trace.Get("failed", () => client.Poll(Patience, SelectMode.SelectError));
        trace.Get("receive", () => client.Receive(new byte[9]));
        trace.Get("receive", () => client.Receive(new byte[9]));
        trace.Get("receive", () => client.Receive(new byte[9]));
        trace.Get("send", () => client.Send(Bytes("a")));
    }

    private static void Reset(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        server.LingerState = new LingerOption(true, 0);
        server.Dispose();
        trace.Get("failed", () => client.Poll(Patience, SelectMode.SelectError));
        trace.Get("send", () => client.Send(Bytes("a")));
        trace.Get("send", () => client.Send(Bytes("a")));
        trace.Get("receive", () => client.Receive(new byte[9]));
        (client, server) = IPv4.Pair(trace);
        client.Shutdown(SocketShutdown.Send);
        server.LingerState = new LingerOption(true, 0);
        server.Dispose();
        trace.Get("failed", () => client.Poll(Patience, SelectMode.SelectError));
        trace.Get("receive after shutdown", () => client.Receive(new byte[9]));
        trace.Get("again", () => client.Receive(new byte[9]));
        trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Both));
        trace.Do("disconnect", () => client.Disconnect(false));
    }

    private static async Task LingerAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.LingerState = new LingerOption(true, 20);
        Task<int> sending = client.SendAsync(new byte[200_000]);
        Task<byte[]> reading = SocketTrace.Begin(() => StreamRows.Read(server, 300_000));
        await trace.GetAsync("send", () => sending);
        trace.Do("close", client.Dispose);
        await trace.GetAsync("all of it", async () => (await reading).Length);
    }

    private static void Receiving(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Receive));
        trace.Get("receive", () => client.Receive(new byte[9]));
        trace.Get("peer sends", () => server.Send(Bytes("late")));
        trace.Get("peer is told", () => server.Poll(50_000, SelectMode.SelectError));

        // No poll tells when it has come: the socket is readable anyway.
        SocketTrace.Await(() => client.Available > 0);
        trace.Get("receive", () => client.Receive(new byte[9]));
        trace.Get("receive", () => client.Receive(new byte[9]));
        trace.Get("send", () => client.Send(Bytes("still")));
        trace.Get("peer receives", () => StreamRows.Read(server, 5));
    }

    private static async Task TwiceAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        Task<int> receiving = server.ReceiveAsync(new byte[1]);
        foreach (SocketShutdown how in (SocketShutdown[])
            [SocketShutdown.Send, SocketShutdown.Send, SocketShutdown.Receive, SocketShutdown.Both])
        {
            trace.Do($"shutdown {how}", () => client.Shutdown(how));
        }

        await trace.GetAsync("peer receives", () => receiving);
        trace.Do("peer's shutdown", () => server.Shutdown(SocketShutdown.Both));
        trace.Get("both have ended", () => client.Poll(Patience, SelectMode.SelectRead));
        trace.Do("peer's shutdown", () => server.Shutdown(SocketShutdown.Both));
        trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Both));
        trace.Get("receive", () => client.Receive(new byte[1]));
        trace.Do("close", () => client.Close());
        trace.Do("close", () => client.Close(1));
    }

    private static void Nobody(SocketTrace trace)
    {
        Socket socket = IPv4.Stream(trace);
        trace.Do("shutdown", () => socket.Shutdown(SocketShutdown.Both));
        trace.Get("send", () => socket.Send(Bytes("a")));
        trace.Get("receive", () => socket.Receive(new byte[1]));
        trace.Get("available", () => socket.Available);
        trace.Get("connected", () => socket.Connected);
        trace.Get("remote", () => socket.RemoteEndPoint);
        trace.Get("local", () => socket.LocalEndPoint);
        trace.Do("disconnect", () => socket.Disconnect(false));
        trace.Get("send to", () => socket.SendTo(Bytes("a"), IPv4.Nobody));
    }

    private static async Task DisposedAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace, socket => socket.SendBufferSize = 20_000);
        Task<int> receiving = client.ReceiveAsync(new byte[1]);
        Task<int> more = client.ReceiveAsync(new byte[1]);
        Task<int> sending = client.SendAsync(new byte[2 << 20]);
        trace.Say($"wait {trace.Show(!receiving.IsCompleted && !sending.IsCompleted)}");
        client.Dispose();
        await trace.GetAsync("receive", () => receiving);
        await trace.GetAsync("receive", () => more);
        await trace.GetAsync("send", () => sending);
        (client, server) = IPv4.Pair(trace);
        receiving = client.ReceiveAsync(new byte[1]);
        trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Receive));
        await trace.GetAsync("receive", () => receiving);
        receiving = server.ReceiveAsync(new byte[1]);
        client.Close();
        await trace.GetAsync("peer's receive", () => receiving);
    }

    private static async Task BlockedAsync(SocketTrace trace)
    {
        await trace.DisposeMeanwhileAsync("receive", () => IPv4.Pair(trace).Client, client => client.Receive(new byte[1]));
        Socket? receiver = null;
        await trace.DisposeMeanwhileAsync(
            "send",
            () =>
            {
                (Socket sender, receiver) = IPv4.Pair(trace, socket => socket.SendBufferSize = 20_000);
                return sender;
            },
            sender =>
            {
                try
                {
                    return sender.Send(new byte[2 << 20]) > 0 ? "part of it" : "nothing";
                }
                catch (SocketException error)
                {
                    return trace.Show(error);
                }
            });
        (Socket shut, Socket other) = IPv4.Pair(trace);
        Task<int> receiving = SocketTrace.Begin(() => shut.Receive(new byte[1]));
        await Task.Delay(100);
        trace.Do("shutdown", () => shut.Shutdown(SocketShutdown.Both));
        await trace.GetAsync("receive", () => receiving);
        receiving = SocketTrace.Begin(() => other.Receive(new byte[1]));
        await trace.GetAsync("peer's receive", () => receiving);
        trace.Get("its peer", () => receiver?.Connected);
    }

    private static async Task CancelledAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace, socket => socket.SendBufferSize = 20_000);
        using CancellationTokenSource cancelled = new();
        Task<int> receiving = client.ReceiveAsync(new byte[1], SocketFlags.None, cancelled.Token).AsTask();
        Task<int> sending = client.SendAsync(new byte[2 << 20], SocketFlags.None, cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await trace.GetAsync("receive", () => receiving);
        await trace.GetAsync("send", () => sending);
        await trace.GetAsync("receive with it", () => client.ReceiveAsync(new byte[1], SocketFlags.None, cancelled.Token).AsTask());
        trace.Get("connected", () => client.Connected);

        // The connection lives on.
        server.Send(Bytes("b"));
        await trace.GetAsync("receive", () => client.ReceiveAsync(new byte[1]));
    }

    private static void AfterDispose(SocketTrace trace)
    {
        (Socket client, Socket _) = IPv4.Pair(trace);
        client.Dispose();
        trace.Get("send", () => client.Send(Bytes("a")));
        trace.Get("receive", () => client.Receive(new byte[1]));
        trace.Get("poll", () => client.Poll(0, SelectMode.SelectRead));
        trace.Get("available", () => client.Available);
        trace.Get("connected", () => client.Connected);
        trace.Get("remote", () => client.RemoteEndPoint);
        trace.Get("no delay", () => client.NoDelay);
        trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Both));
        trace.Do("connect", () => client.Connect(IPv4.Nobody));
        trace.Do("dispose", client.Dispose);
    }

    private static async Task OnTheWayAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        Task<int> sending = client.SendAsync(new byte[100_000]);
        Task<byte[]> reading = SocketTrace.Begin(() => StreamRows.Read(server, 200_000));
        await trace.GetAsync("send", () => sending);
        client.Dispose();
        await trace.GetAsync("all of it", async () => (await reading).Length);
    }
}
