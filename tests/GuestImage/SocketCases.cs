using System.Net;
using System.Net.Sockets;
using System.Text;
using Xenlet.Kernel;

namespace Xenlet.GuestImage;

/// <summary>.NET's own sockets, unchanged, through the nucleus and a stack of this image.</summary>
internal static class SocketCases
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static IEnumerable<Case> All =>
    [
        new("udp-through-a-stack", UdpAsync),
        new("tcp-through-a-stack", TcpAsync),
        new("tcp-large-through-a-stack", LargeAsync),
    ];

    private static async Task UdpAsync()
    {
        using LoopbackStack stack = new();
        using UdpClient server = new(new IPEndPoint(IPAddress.Loopback, 7000));
        using UdpClient client = new();
        client.Connect(IPAddress.Loopback, 7000);
        await SendAndReceiveAsync(client, server, 1);

        const int times = 200;
        ulong before = Guest.ReadStatistics().ThreadSwitches;
        await SendAndReceiveAsync(client, server, times);
        ulong switches = Guest.ReadStatistics().ThreadSwitches - before;
        Console.WriteLine($"udp: {switches} thread switches for {2 * times} datagrams");

        // What waits on a thread of its own, and not for an event.
        server.Send("bye"u8, (IPEndPoint)client.Client.LocalEndPoint!);
        IPEndPoint? from = null;
        Check.Equal("bye", Encoding.ASCII.GetString(client.Receive(ref from)));
        Check.Equal(7000, from!.Port);

        // What is cancelled before it begins fails in another way.
        using CancellationTokenSource cancelled = new();
        ValueTask<UdpReceiveResult> waiting = server.ReceiveAsync(cancelled.Token);
        cancelled.CancelAfter(20);
        await Check.ThrowsAsync<OperationCanceledException>(async () => await waiting);
    }

    private static async Task SendAndReceiveAsync(UdpClient client, UdpClient server, int times)
    {
        for (int i = 0; i < times; i++)
        {
            byte[] sent = Encoding.ASCII.GetBytes($"datagram {i}");
            ValueTask<UdpReceiveResult> received = server.ReceiveAsync(CancellationToken.None);
            await client.SendAsync(sent);
            UdpReceiveResult datagram = await received.AsTask().WaitAsync(Limit);
            Check.Equal($"datagram {i}", Encoding.ASCII.GetString(datagram.Buffer));
            await server.SendAsync(datagram.Buffer, datagram.RemoteEndPoint);
            UdpReceiveResult back = await client.ReceiveAsync().WaitAsync(Limit);
            Check.That(back.Buffer.AsSpan().SequenceEqual(sent));
        }
    }

    private static async Task TcpAsync()
    {
        using LoopbackStack stack = new();
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Task<TcpClient> accepting = listener.AcceptTcpClientAsync();
        using TcpClient client = new() { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port).WaitAsync(Limit);
        using TcpClient server = await accepting.WaitAsync(Limit);
        Check.Equal(((IPEndPoint)client.Client.LocalEndPoint!).Port, ((IPEndPoint)server.Client.RemoteEndPoint!).Port);

        // Before the shutdown: a TcpClient gives no stream afterwards.
        NetworkStream ours = client.GetStream();
        NetworkStream theirs = server.GetStream();
        byte[] buffer = new byte[100];
        await ours.WriteAsync("hello"u8.ToArray());
        Check.Equal(5, await theirs.ReadAtLeastAsync(buffer, 5).AsTask().WaitAsync(Limit));
        theirs.Write("hello back"u8);
        ours.ReadExactly(buffer, 0, 10);
        Check.Equal("hello back", Encoding.ASCII.GetString(buffer, 0, 10));

        client.Client.Shutdown(SocketShutdown.Send);
        Check.Equal(0, await theirs.ReadAsync(buffer).AsTask().WaitAsync(Limit));
        server.Close();
        Check.Equal(0, await ours.ReadAsync(buffer).AsTask().WaitAsync(Limit));

        using TcpClient refused = new();
        SocketException error = await Check.ThrowsAsync<SocketException>(
            async () => await refused.ConnectAsync(IPAddress.Loopback, 9).WaitAsync(Limit));
        Check.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    private static async Task LargeAsync()
    {
        const int length = 3 << 20;
        using LoopbackStack stack = new();
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using TcpClient client = new();
        Task<TcpClient> accepting = listener.AcceptTcpClientAsync();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint).WaitAsync(Limit);
        using TcpClient server = await accepting.WaitAsync(Limit);
        byte[] sent = new byte[length];
        new Random(1).NextBytes(sent);
        Task sending = client.GetStream().WriteAsync(sent).AsTask();
        byte[] received = new byte[length];
        await server.GetStream().ReadExactlyAsync(received).AsTask().WaitAsync(Limit);
        await sending.WaitAsync(Limit);
        Check.That(received.AsSpan().SequenceEqual(sent));
    }
}
