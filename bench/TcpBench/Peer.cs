using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xenlet.BenchPrograms;

namespace Xenlet.TcpBench;

/// <summary>The other end of what is measured: in dom0, or in the guest itself.</summary>
/// <param name="name">What the figures are called.</param>
/// <param name="address">The server's.</param>
internal sealed class Peer(string name, IPAddress address)
{
    private const int Megabyte = 1_000_000;
    private const int Piece = 65536;

    /// <summary>Connections that are opened together, fewer than the server's backlog.</summary>
    private const int AtOnce = 100;

    /// <summary>Does what words say: "send MEGABYTES", "request SIZE TASKS COUNT", and so on.</summary>
    /// <exception cref="ArgumentException">They are not understood.</exception>
    public Task RunAsync(string verb, IEnumerable<string> numbers)
    {
        int[] values = [.. numbers.Select(number => int.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture))];
        return (verb, values) switch
        {
            ("send", [var megabytes]) => SendAsync(megabytes),
            ("receive", [var megabytes]) => ReceiveAsync(megabytes),
            ("request", [var size, var tasks, var count]) => RequestAsync(size, tasks, count),
            ("connect", [var count]) => ConnectAsync(count),
            ("idle", [var few, var many]) => IdleAsync(few, many),
            _ => throw new ArgumentException($"'{verb}' is not understood with {values.Length} numbers."),
        };
    }

    /// <summary>Sends, and waits until the guest has read all of it.</summary>
    private Task SendAsync(int megabytes) => RunAsync(megabytes, async () =>
    {
        using Socket socket = await OpenAsync(Ports.Sink);
        byte[] buffer = new byte[Piece];
        long start = Stopwatch.GetTimestamp();
        for (long left = (long)megabytes * Megabyte; left > 0;)
        {
            left -= await socket.SendAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)));
        }

        socket.Shutdown(SocketShutdown.Send);
        await socket.ReceiveAsync(buffer);
        Report("rate", megabytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
    });

    /// <summary>Has the guest send.</summary>
    private Task ReceiveAsync(int megabytes) => RunAsync(megabytes, async () =>
    {
        using Socket socket = await OpenAsync(Ports.Source);
        byte[] buffer = new byte[Piece];
        BinaryPrimitives.WriteInt64LittleEndian(buffer, (long)megabytes * Megabyte);
        long start = Stopwatch.GetTimestamp();
        await socket.SendAsync(buffer.AsMemory(0, sizeof(long)));
        long received = 0;
        int count;
        while ((count = await socket.ReceiveAsync(buffer)) > 0)
        {
            received += count;
        }

        Report("rate", megabytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        Require(received == (long)megabytes * Megabyte, $"{received:N0} bytes came, of {megabytes} MB");
    });

    /// <summary>Sends requests; each connection has one under way.</summary>
    private Task RequestAsync(int size, int tasks, int count)
    {
        int each = count / tasks;
        return RunAsync(each * tasks, async () =>
        {
            Socket[] sockets = await Task.WhenAll(Enumerable.Range(0, tasks).Select(_ => OpenAsync(Ports.Echo)));
            long start = Stopwatch.GetTimestamp();
            double[][] times = await Task.WhenAll(sockets.Select(socket => AskAsync(socket, size, each)));
            Measure.ReportRequests(name, Stopwatch.GetElapsedTime(start), times);
            Array.ForEach(sockets, socket => socket.Dispose());
        });
    }

    /// <summary>Opens connections one after the other.</summary>
    private Task ConnectAsync(int count) => RunAsync(count, async () =>
    {
        byte[] buffer = new byte[1];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            using Socket socket = await OpenAsync(Ports.Echo);
            await socket.SendAsync(buffer);
            Require(await socket.ReceiveAsync(buffer) == 1, "the byte did not come back");
        }

        Report("rate", count / Stopwatch.GetElapsedTime(start).TotalSeconds);
    });

    /// <summary>Opens connections that stay, and has the guest tell its free memory.</summary>
    private Task IdleAsync(int few, int many) => RunAsync(many, async () =>
    {
        List<Socket> sockets = [];
        await TellMemoryAsync(few, "few");
        await TellMemoryAsync(many, "many");
        sockets.ForEach(socket => socket.Dispose());

        async Task TellMemoryAsync(int count, string figure)
        {
            while (sockets.Count < count)
            {
                int some = Math.Min(AtOnce, count - sockets.Count);
                sockets.AddRange(await Task.WhenAll(Enumerable.Range(0, some).Select(_ => OpenAsync(Ports.Idle))));
            }

            // The last of them have been accepted when a later connection is served.
            await Task.Delay(TimeSpan.FromSeconds(1));
            using Controller control = await Controller.OpenAsync(address);
            await control.TellAsync($"memory {name}-{figure}");
        }
    });

    private static async Task<double[]> AskAsync(Socket socket, int size, int count)
    {
        byte[] buffer = new byte[size];
        double[] times = new double[count];
        for (int i = 0; i < count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await socket.SendAsync(buffer);
            for (int received = 0; received < size;)
            {
                int part = await socket.ReceiveAsync(buffer.AsMemory(received));
                Require(part > 0, "the guest has ended the connection");
                received += part;
            }

            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        return times;
    }

    private Task RunAsync(int count, Func<Task> workAsync) => Controller.MeasureAsync(address, count, workAsync);

    private async Task<Socket> OpenAsync(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address, port);
        return socket;
    }

    private void Report(string what, double value) => Measure.Report(name, what, value);

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new InvalidDataException(otherwise);
        }
    }
}
