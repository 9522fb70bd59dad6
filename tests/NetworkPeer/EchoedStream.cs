using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Xenlet.NetworkPeer;

/// <summary>A stream of random bytes to a guest that sends them back, and a connection beside it on which nothing happens.</summary>
internal static class EchoedStream
{
    private const int Seed = 1;
    private const int BlockSize = 16_384;

    // Without a rest, dom0's only processor has little left for saving and restoring the guest meanwhile; and on a busy host all takes
    // longer, so that the rest has to be in proportion. How long the guest was suspended says nothing of that.
    private const int RestsForOneReturn = 4;
    private static readonly TimeSpan s_shortestRest = TimeSpan.FromMilliseconds(60);
    private static readonly TimeSpan s_longestRest = TimeSpan.FromSeconds(1);

    // How long the last block was under way, in ticks of a TimeSpan.
    private static long s_lastReturn;

    public static async Task<int> RunAsync(IPEndPoint guest, string file)
    {
        try
        {
            using TcpClient idle = new();
            await idle.ConnectAsync(guest);
            using TcpClient busy = new();
            await busy.ConnectAsync(guest);
            ConcurrentQueue<long> underWay = new();
            Task<long> sending = SendAsync(busy, file + ".stop", underWay);
            long same = await CompareAsync(busy.GetStream(), file, underWay);
            long sent = await sending;

            byte[] buffer = [1, 2, 3];
            await idle.GetStream().WriteAsync(buffer);
            buffer.AsSpan().Clear();
            await idle.GetStream().ReadExactlyAsync(buffer);
            Console.WriteLine($"all came back: {sent == same && sent > 0}, the idle one works: {buffer is [1, 2, 3]}");
            return 0;
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            Console.WriteLine($"ended: {(failure.InnerException ?? failure).Message}");
            return 1;
        }
    }

    /// <param name="to">The connection.</param>
    /// <param name="stop">When this file is there, it is enough.</param>
    /// <param name="underWay">When the blocks were sent that have not come back.</param>
    private static async Task<long> SendAsync(TcpClient to, string stop, ConcurrentQueue<long> underWay)
    {
        Random random = new(Seed);
        byte[] block = new byte[BlockSize];
        long sent = 0;
        for (; !File.Exists(stop); sent += block.Length)
        {
            random.NextBytes(block);
            underWay.Enqueue(Stopwatch.GetTimestamp());
            await to.GetStream().WriteAsync(block);
            TimeSpan rest = TimeSpan.FromTicks(Volatile.Read(ref s_lastReturn)) * RestsForOneReturn;
            await Task.Delay(TimeSpan.FromTicks(Math.Clamp(rest.Ticks, s_shortestRest.Ticks, s_longestRest.Ticks)));
        }

        to.Client.Shutdown(SocketShutdown.Send);
        return sent;
    }

    /// <summary>Reads to the end, and gives the number of bytes that were as they were sent.</summary>
    private static async Task<long> CompareAsync(NetworkStream from, string file, ConcurrentQueue<long> underWay)
    {
        Random random = new(Seed);
        byte[] expected = new byte[BlockSize];
        byte[] came = new byte[BlockSize];
        long same = 0;
        int length;
        while ((length = await from.ReadAtLeastAsync(came, BlockSize, throwOnEndOfStream: false)) > 0)
        {
            random.NextBytes(expected);
            if (!came.AsSpan(0, length).SequenceEqual(expected.AsSpan(0, length)))
            {
                throw new IOException($"what came back after {same} bytes is not what was sent");
            }

            if (underWay.TryDequeue(out long sent))
            {
                Volatile.Write(ref s_lastReturn, Stopwatch.GetElapsedTime(sent).Ticks);
            }

            same += length;
            await File.WriteAllTextAsync(file, same.ToString(CultureInfo.InvariantCulture));
        }

        return same;
    }
}
