using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.Bench;

/// <summary>
/// TCP on this machine alone: bytes that a program has written, until a program has read them, through the stack of src/Net and through
/// Linux's loopback. Each way they are copied from and to a program's buffer; the stack's figures have no system calls.
/// </summary>
internal static class HostTcp
{
    private const int Megabyte = 1_000_000;
    private const int Megabytes = 40;
    private const int Piece = 65536;
    private const ushort Port = 9;

    /// <summary>Measures each once more, after a first pass that compiles it.</summary>
    public static void Measure(TcpResults results)
    {
        foreach ((Action<long> transfer, Series into) in ((Action<long>, Series)[])[
            (Loopback, results.StackLoopback), (Segments, results.StackSegments), (Linux, results.LinuxLoopback)])
        {
            transfer(Megabytes / 4 * Megabyte);
            TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
            transfer((long)Megabytes * Megabyte);
            into.Add((Process.GetCurrentProcess().TotalProcessorTime - before).TotalNanoseconds / Megabytes);
        }
    }

    private static void Loopback(long bytes)
    {
        IpStack stack = new(new HostClock(), new HostRandom());
        Transfer(stack, stack, InternetAddress.From(IPAddress.Loopback), bytes);
    }

    private static void Segments(long bytes)
    {
        (MemoryLink one, MemoryLink other) = MemoryLink.CreatePair();
        (IpStack client, _) = Create(one, "10.0.0.1");
        (IpStack server, InternetAddress address) = Create(other, "10.0.0.2");
        Transfer(client, server, address, bytes);

        static (IpStack Stack, InternetAddress Address) Create(MemoryLink link, string text)
        {
            IpStack stack = new(new HostClock(), new HostRandom(), new() { IPv4ProbeInterval = TimeSpan.Zero });
            InternetAddress address = InternetAddress.From(IPAddress.Parse(text));
            stack.AddAddress(stack.AddInterface("eth0", link), address, prefixLength: 24);
            return (stack, address);
        }
    }

    private static void Transfer(IpStack client, IpStack server, InternetAddress address, long bytes)
    {
        HostTcpUser receiver = new();
        HostTcpListener listener = new(receiver);
        while (client.Internet.Output.TrySelectSource(address, out _) is false || !server.Internet.Addresses.IsOurs(address))
        {
            client.Run();
            server.Run();
        }

        Check(server.Tcp.Bind(new(address, Port), isDual: false, canReuseAddress: true, canReusePort: false, out TcpBinding? binding));
        Check(server.Tcp.Listen(binding!, listener, new(), 1, out _));
        HostTcpUser sender = new() { Left = bytes };
        Check(client.Tcp.Connect(new(address, Port), sender, null, null, out TcpConnection? connection));
        sender.Connection = connection;
        while (receiver.Read < bytes)
        {
            sender.Fill();
            client.Run();
            server.Run();
            receiver.Drain();
        }

        connection!.Abort();
    }

    private static void Check(TcpError error)
    {
        if (error != TcpError.None)
        {
            throw new BenchException($"the stack alone: {error}");
        }
    }

    private static void Linux(long bytes)
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sender.Connect(listener.LocalEndPoint!);
        using Socket receiver = listener.Accept();
        Thread sending = new(() =>
        {
            byte[] buffer = new byte[Piece];
            for (long left = bytes; left > 0;)
            {
                left -= sender.Send(buffer.AsSpan(0, (int)Math.Min(left, buffer.Length)));
            }

            sender.Shutdown(SocketShutdown.Send);
        });
        sending.Start();
        byte[] buffer = new byte[Piece];
        while (receiver.Receive(buffer) > 0)
        {
        }

        sending.Join();
    }

    private sealed class HostClock : IStackClock
    {
        public long Now => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

        public DateTime UtcNow => DateTime.UtcNow;
    }

    private sealed class HostRandom : IRandomSource
    {
        public void Fill(Span<byte> buffer) => Random.Shared.NextBytes(buffer);
    }
}
