using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Xenlet.NetworkPeer;

/// <summary>A connection to a guest that echoes, before and during a flood of hostile frames, which it sends or another one.</summary>
internal static partial class Flood
{
    private const int FramesPerSecond = 5_000;
    private const int Batch = 50;
    private const int Kinds = 8_000;

    // sys/resource.h
    private const int PriorityOfProcess = 0;
    private const int LeastPriority = 19;

    /// <summary>
    /// Has so many KiB echoed over one connection, three times: alone; beside the same flood over an interface behind which nobody is,
    /// which costs dom0 as much and the guest nothing; and in the flood. It says how fast each went. Each byte that comes back is compared.
    /// </summary>
    public static int Run(string name, string nowhere, byte[] ours, byte[] theirs, IPEndPoint guest, int kibibytes)
    {
        FloodFigures figures = Measure(name, nowhere, ours, theirs, guest, kibibytes);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"quiet {figures.Quiet:f0} KiB/s, beside a flood of nobody {figures.Busy:f0}, in the flood {figures.Flooded:f0}, which is "
                + $"{figures.Flooded / figures.Quiet:f2} and {figures.Flooded / figures.Busy:f2} of them, at {figures.Rate:f0} hostile "
                + $"frames a second, end {figures.End}"));
        return 0;
    }

    /// <summary>
    /// Has so many KiB echoed over a connection from the port <paramref name="from"/>, which whoever floods the guest meanwhile knows. It
    /// says how fast. Each byte that comes back is compared.
    /// </summary>
    public static int RunBeside(IPEndPoint guest, int from, int kibibytes)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, from));
        socket.Connect(guest);
        Echo(socket, 64);
        double speed = kibibytes / Echo(socket, kibibytes).TotalSeconds;
        socket.Shutdown(SocketShutdown.Send);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"beside another's flood {speed:f0} KiB/s, end {socket.Receive(new byte[1])}"));
        return 0;
    }

    /// <inheritdoc cref="Run"/>
    /// <exception cref="InvalidOperationException">A byte was lost, or came back changed.</exception>
    public static FloodFigures Measure(
        string name, string nowhere, byte[] ours, byte[] theirs, IPEndPoint guest, int kibibytes)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(guest);
        HostileFrames made = new(ours, theirs, (IPEndPoint)socket.LocalEndPoint!, guest);
        using FrameList frames = new([.. Enumerable.Range(0, Kinds).Select(made.Make)]);

        // The first bytes make the windows what they will be.
        Echo(socket, 64);
        double quiet = kibibytes / Echo(socket, kibibytes).TotalSeconds;
        (double busy, _) = EchoInFlood(socket, nowhere, frames, kibibytes);
        (double flooded, double rate) = EchoInFlood(socket, name, frames, kibibytes);
        socket.Shutdown(SocketShutdown.Send);
        return new(quiet, busy, flooded, rate, socket.Receive(new byte[1]));
    }

    /// <summary>Echoes while frames are sent: KiB a second, and frames a second.</summary>
    private static (double Speed, double Rate) EchoInFlood(Socket socket, string name, FrameList frames, int kibibytes)
    {
        bool isOver = false;
        long sent = 0;
        Stopwatch flood = Stopwatch.StartNew();
        Thread thread = new(() => sent = Send(name, frames, ref isOver));
        thread.Start();
        double speed;
        try
        {
            Thread.Sleep(200);
            speed = kibibytes / Echo(socket, kibibytes).TotalSeconds;
        }
        finally
        {
            // Before anybody gives back the frames that the thread sends: whatever has ended the echo is what is to be heard of.
            Volatile.Write(ref isOver, true);
            thread.Join();
        }

        return (speed, sent / flood.Elapsed.TotalSeconds);
    }

    private static long Send(string name, FrameList frames, ref bool isOver)
    {
        // What is measured is the guest: dom0's processor is for its end of the connection first. Linux's nice value is a thread's.
        _ = setpriority(PriorityOfProcess, 0, LeastPriority);
        using RawSocket socket = new(name, RawSocket.NoEtherType);
        Stopwatch clock = Stopwatch.StartNew();
        long sent = 0;
        while (!Volatile.Read(ref isOver) || sent < 1_000)
        {
            if (sent > clock.Elapsed.TotalSeconds * FramesPerSecond)
            {
                Thread.Sleep(1);
                continue;
            }

            sent += socket.Send(frames, (int)(sent % frames.Count), Batch);
        }

        return sent;
    }

    /// <summary>Sends so many KiB, and takes them back.</summary>
    private static TimeSpan Echo(Socket socket, int kibibytes)
    {
        byte[] data = new byte[kibibytes << 10];
        new Random(kibibytes).NextBytes(data);
        Stopwatch clock = Stopwatch.StartNew();
        Thread sender = new(() =>
        {
            for (int sent = 0; sent < data.Length;)
            {
                sent += socket.Send(data.AsSpan(sent, Math.Min(data.Length - sent, 32 << 10)));
            }
        });
        sender.Start();
        byte[] returned = new byte[data.Length];
        for (int received = 0; received < returned.Length;)
        {
            int count = socket.Receive(returned.AsSpan(received));
            received += count > 0 ? count : throw new InvalidOperationException($"the connection ended after {received} bytes");
        }

        sender.Join();
        return returned.AsSpan().SequenceEqual(data) ? clock.Elapsed : throw new InvalidOperationException("bytes came back changed");
    }

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int priority);
}
