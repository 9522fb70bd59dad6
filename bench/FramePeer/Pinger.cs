using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Xenlet.FramePeer;

/// <summary>Measures pings as ping does, by Linux's socket for them, which does the checksum and takes only answers to its own.</summary>
internal static class Pinger
{
    private const byte EchoRequest = 8;
    private const int Header = 8;

    /// <summary>Milliseconds until a ping counts as lost.</summary>
    private const int Patience = 2000;

    /// <summary>Both ends have gone to sleep by then.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Gives the round-trip times of those that were answered, in microseconds.</summary>
    /// <param name="address">The guest's address.</param>
    /// <param name="size">Bytes behind the header.</param>
    /// <param name="count">How many pings.</param>
    public static List<double> Run(string address, int size, int count)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Icmp) { ReceiveTimeout = Patience };
        socket.Connect(IPAddress.Parse(address), 0);
        byte[] request = new byte[Header + size];
        request[0] = EchoRequest;
        byte[] answer = new byte[request.Length];
        List<double> times = [];
        for (int i = 1; i <= count; i++)
        {
            request[6] = (byte)(i >> 8);
            request[7] = (byte)i;
            long start = Stopwatch.GetTimestamp();
            socket.Send(request);
            if (TryReceive(socket, answer) && answer.AsSpan(6, 2).SequenceEqual(request.AsSpan(6, 2)))
            {
                times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }

            Thread.Sleep(Pause);
        }

        return times;
    }

    private static bool TryReceive(Socket socket, byte[] buffer)
    {
        try
        {
            return socket.Receive(buffer) == buffer.Length;
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return false;
        }
    }
}
