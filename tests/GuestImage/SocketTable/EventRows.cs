using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Operations of <see cref="SocketAsyncEventArgs"/>.</summary>
internal static class EventRows
{
    public static IEnumerable<SocketRow> All =>
    [
        .. SocketFamily.All.Select(family => new SocketRow($"events of a stream {family.Name}", trace => StreamAsync(trace, family))),
        new("events of datagrams", DatagramsAsync),
        new("events of failures", FailuresAsync),
        new("events of packets", PacketsAsync),
        new("events, connect without a socket", WithoutSocketAsync),
    ];

    private static async Task StreamAsync(SocketTrace trace, SocketFamily family)
    {
        Socket listener = family.Listener(trace);
        Task<SocketAsyncEventArgs> accepting = Run(trace, new(), listener.AcceptAsync);
        Socket client = family.Stream(trace);
        await ShowAsync(trace, Run(trace, new() { RemoteEndPoint = family.Of(listener) }, client.ConnectAsync));
        SocketAsyncEventArgs accepted = await ShowAsync(trace, accepting);
        Socket server = trace.Own(accepted.AcceptSocket!);
        byte[] buffer = new byte[8];
        Task<SocketAsyncEventArgs> receiving = Run(trace, With(buffer), server.ReceiveAsync);
        await ShowAsync(trace, Run(trace, With(Bytes("hello")), client.SendAsync));
        await ShowAsync(trace, receiving);
        SocketAsyncEventArgs scattered = new() { BufferList = [Bytes("ab"), Bytes("cd")] };
        await ShowAsync(trace, Run(trace, scattered, client.SendAsync));
        SocketAsyncEventArgs gathered = new() { BufferList = [new(buffer, 0, 3), new(buffer, 4, 4)] };
        await ShowAsync(trace, Run(trace, gathered, server.ReceiveAsync));
        await ShowAsync(trace, Run(trace, With([]), client.SendAsync));
        await ShowAsync(trace, Run(trace, new() { DisconnectReuseSocket = false }, client.DisconnectAsync));
        await ShowAsync(trace, Run(trace, With(buffer), server.ReceiveAsync));
    }

    private static async Task DatagramsAsync(SocketTrace trace)
    {
        Socket server = IPv4.BoundDatagrams(trace);
        Socket client = IPv4.Datagrams(trace);
        SocketAsyncEventArgs from = With(new byte[9]);
        from.RemoteEndPoint = IPv4.Any;
        Task<SocketAsyncEventArgs> receiving = Run(trace, from, server.ReceiveFromAsync);
        SocketAsyncEventArgs to = With(Bytes("hello"));
        to.RemoteEndPoint = server.LocalEndPoint;
        await ShowAsync(trace, Run(trace, to, client.SendToAsync));
        await ShowAsync(trace, receiving);
        from = With(new byte[2]);
        from.RemoteEndPoint = IPv4.Any;
        receiving = Run(trace, from, server.ReceiveMessageFromAsync);
        to = With(Bytes("again"));
        to.RemoteEndPoint = server.LocalEndPoint;
        await ShowAsync(trace, Run(trace, to, client.SendToAsync));
        SocketAsyncEventArgs got = await ShowAsync(trace, receiving);
        trace.Say(trace.Show(got.ReceiveMessageFromPacketInfo));
    }

    private static async Task FailuresAsync(SocketTrace trace)
    {
        Socket client = IPv4.Stream(trace);
        await ShowAsync(trace, Run(trace, new() { RemoteEndPoint = IPv4.Nobody }, client.ConnectAsync));
        Socket away = IPv4.Stream(trace);
        IPEndPoint nowhere = new(IPAddress.Parse("198.51.100.1"), 9);
        await ShowAsync(trace, Run(trace, new() { RemoteEndPoint = nowhere }, away.ConnectAsync));
        (Socket one, Socket other) = IPv4.Pair(trace);
        Task<SocketAsyncEventArgs> receiving = Run(trace, With(new byte[1]), one.ReceiveAsync);
        other.LingerState = new LingerOption(true, 0);
        other.Dispose();
        await ShowAsync(trace, receiving);
        await ShowAsync(trace, Run(trace, With(new byte[1]), one.SendAsync));
        (one, other) = IPv4.Pair(trace);
        receiving = Run(trace, With(new byte[1]), one.ReceiveAsync);
        one.Dispose();
        await ShowAsync(trace, receiving);
        Socket waiting = IPv4.Stream(trace);
        SocketAsyncEventArgs connect = new() { RemoteEndPoint = new IPEndPoint(IPAddress.Parse("10.9.0.87"), 9) };
        Task<SocketAsyncEventArgs> connecting = Run(trace, connect, waiting.ConnectAsync);
        Socket.CancelConnectAsync(connect);
        await ShowAsync(trace, connecting);
        Socket unconnected = IPv4.Stream(trace);
        await ShowAsync(trace, Run(trace, With(new byte[1]), unconnected.ReceiveAsync));
    }

    private static async Task PacketsAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        SocketAsyncEventArgs packets = new() { SendPacketsElements = [new(Bytes("ab")), new(Bytes("cde"), 1, 2)] };
        await ShowAsync(trace, Run(trace, packets, client.SendPacketsAsync));
        trace.Get("receive", () => StreamRows.Read(server, 4));
    }

    private static async Task WithoutSocketAsync(SocketTrace trace)
    {
        Socket listener = IPv4.Listener(trace);
        SocketAsyncEventArgs connect = new() { RemoteEndPoint = listener.LocalEndPoint };
        SocketAsyncEventArgs ended = await ShowAsync(
            trace, Run(trace, connect, each => Socket.ConnectAsync(SocketType.Stream, ProtocolType.Tcp, each)));
        trace.Say(trace.Show(ended.ConnectSocket is { Connected: true }));
        connect = new() { RemoteEndPoint = new DnsEndPoint("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port) };
        await ShowAsync(trace, Run(trace, connect, each => Socket.ConnectAsync(SocketType.Stream, ProtocolType.Tcp, each)));
    }

    private static SocketAsyncEventArgs With(byte[] buffer)
    {
        SocketAsyncEventArgs args = new();
        args.SetBuffer(buffer);
        return args;
    }

    private static Task<SocketAsyncEventArgs> Run(SocketTrace trace, SocketAsyncEventArgs args, Func<SocketAsyncEventArgs, bool> begin)
    {
        trace.Own(args);
        TaskCompletionSource<SocketAsyncEventArgs> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        args.Completed += (_, each) => ended.SetResult(each);
        return begin(args) ? ended.Task : Task.FromResult(args);
    }

    private static async Task<SocketAsyncEventArgs> ShowAsync(SocketTrace trace, Task<SocketAsyncEventArgs> running)
    {
        await Task.WhenAny(running, Task.Delay(TimeSpan.FromSeconds(30)));
        if (!running.IsCompleted)
        {
            trace.Say("DID NOT END");
        }

        SocketAsyncEventArgs args = await running;
        string from = args.LastOperation is SocketAsyncOperation.ReceiveFrom or SocketAsyncOperation.ReceiveMessageFrom
            ? $" from {trace.Show(args.RemoteEndPoint)}" : "";
        trace.Say($"{args.LastOperation} {args.SocketError} {args.BytesTransferred} {args.SocketFlags}{from}");
        return args;
    }
}
