using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// One of two guests that talk to each other over dom0's bridge: <c>peer ADDRESS</c>. Each sends back what comes to port 7, and sends the
/// other one datagrams and a stream of random bytes. The stream lasts until <c>xl shutdown</c>; the program ends when both have ended.
/// </summary>
internal static class PeerCases
{
    private const int Port = 7;
    private const int BlockSize = 4_096;
    private const int ReportedBytes = 32_768;

    // Without a rest, dom0's only processor has little left for saving and restoring a guest meanwhile.
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(60);

    // A datagram may be lost, at the latest when the other one is saved. On a busy host the largest ones take their time.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    // One frame, the largest of one frame, and some in fragments, up to the largest that there can be.
    private static readonly int[] s_lengths = [0, 1, 2, 100, 1471, 1472, 1473, 4096, 20_000, 65_507];

    public static IEnumerable<Case> All =>
        [new("peer", args => RunAsync(new(IPAddress.Parse(args[0]), Port)).GetAwaiter().GetResult())];

    private static async Task<int> RunAsync(IPEndPoint other)
    {
        using CancellationTokenSource ending = new();
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            ending.Cancel();
        });
        using SocketStack stack = new(
            Guest.Sockets.Open(), SocketStackOptions.FromEnvironment() with { Report = Console.Error.WriteLine });
        stack.Start();
        await using DomainServices services = await DomainServices.StartAsync(Guest.Machine, new()
        {
            Interfaces = new() { LinkUser = stack },
            Control = new() { ShutdownTimeLimit = TimeSpan.FromMinutes(10) },
        });
        using UdpClient datagrams = new(Port);
        using TcpListener listener = new(IPAddress.Any, Port);
        listener.Start();
        using CancellationTokenSource finished = new();
        Task echoing = EchoCases.EchoDatagramsAsync(datagrams, finished.Token);
        Task serving = ServeAsync(listener);

        using TcpClient client = await ConnectAsync(other);
        Console.WriteLine($"peer: connected from {client.Client.LocalEndPoint}");
        Task sending = SendAsync(client, ending.Token);
        Task asking = ExchangeDatagramsAsync(other, ending.Token);
        long same = await CompareAsync(client.GetStream());
        await Task.WhenAll(sending, asking);
        Console.WriteLine($"peer: {same} bytes are all that were sent");
        await serving;
        await finished.CancelAsync();
        await echoing;
        Console.WriteLine($"peer: {stack.Faults} faults");
        return 0;
    }

    private static async Task ServeAsync(TcpListener listener) =>
        await EchoCases.EchoStreamAsync(await listener.AcceptTcpClientAsync());

    /// <summary>The other one may not have started yet.</summary>
    private static async Task<TcpClient> ConnectAsync(IPEndPoint other)
    {
        while (true)
        {
            TcpClient client = new();
            try
            {
                await client.ConnectAsync(other);
                return client;
            }
            catch (SocketException)
            {
                client.Dispose();
                await Task.Delay(s_rest);
            }
        }
    }

    private static async Task SendAsync(TcpClient to, CancellationToken cancellationToken)
    {
        Random random = new(Port);
        byte[] block = new byte[BlockSize];
        while (!cancellationToken.IsCancellationRequested)
        {
            random.NextBytes(block);
            await to.GetStream().WriteAsync(block, CancellationToken.None);
            await Task.Delay(s_rest, CancellationToken.None);
        }

        to.Client.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Reads to the end, and gives the number of bytes, which all are as they were sent.</summary>
    private static async Task<long> CompareAsync(NetworkStream from)
    {
        Random random = new(Port);
        byte[] expected = new byte[BlockSize];
        byte[] came = new byte[BlockSize];
        long same = 0;
        int length;
        while ((length = await from.ReadAtLeastAsync(came, BlockSize, throwOnEndOfStream: false)) == BlockSize)
        {
            random.NextBytes(expected);
            Check.That(came.AsSpan().SequenceEqual(expected), $"what came back after {same} bytes is what was sent");
            same += length;
            if (same % ReportedBytes == 0)
            {
                Console.WriteLine($"peer: {same} bytes came back");
            }
        }

        Check.Equal(0, length);
        return same;
    }

    /// <summary>Sends a datagram of each length until it comes back, over and over.</summary>
    private static async Task ExchangeDatagramsAsync(IPEndPoint other, CancellationToken cancellationToken)
    {
        using UdpClient client = new();
        client.Connect(other);
        while (!cancellationToken.IsCancellationRequested)
        {
            foreach (int length in s_lengths)
            {
                byte[] data = new byte[length];
                new Random(length).NextBytes(data);
                while (!await IsReturnedAsync(client, data) && !cancellationToken.IsCancellationRequested)
                {
                    Console.WriteLine($"peer: a datagram of {length} bytes is lost");
                }
            }

            Console.WriteLine("peer: datagrams of all lengths came back");
        }
    }

    private static async Task<bool> IsReturnedAsync(UdpClient client, byte[] data)
    {
        using CancellationTokenSource limit = new(s_patience);
        try
        {
            await client.SendAsync(data, CancellationToken.None);
            UdpReceiveResult came;
            do
            {
                // A late one has another length.
                came = await client.ReceiveAsync(limit.Token);
            }
            while (came.Buffer.Length != data.Length);
            Check.That(came.Buffer.AsSpan().SequenceEqual(data), $"the datagram of {data.Length} bytes is as it was sent");
            await Task.Delay(s_rest, CancellationToken.None);
            return true;
        }
        catch (Exception lost) when (lost is OperationCanceledException or SocketException)
        {
            return false;
        }
    }
}
