using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>What a socket is ready for.</summary>
internal static class PollRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        new("stream polls", Polls),
        new("stream select", Select),
    ];

    private static void Polls(SocketTrace trace)
    {
        Socket socket = IPv4.Stream(trace);
        ShowPolls(trace, "new", socket);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        ShowPolls(trace, "bound", socket);
        socket.Listen();
        ShowPolls(trace, "listening", socket);
        Socket client = IPv4.Stream(trace);
        client.Connect(socket.LocalEndPoint!);
        socket.Poll(Patience, SelectMode.SelectRead);
        ShowPolls(trace, "asked", socket);
        Socket server = socket.Accept();
        ShowPolls(trace, "accepted", server);
        client.Send(Bytes("a"));
        server.Poll(Patience, SelectMode.SelectRead);
        ShowPolls(trace, "with data", server);
        client.Shutdown(SocketShutdown.Send);
        server.Receive(new byte[9]);
        server.Poll(Patience, SelectMode.SelectRead);
        ShowPolls(trace, "at the end", server);
        ShowPolls(trace, "after shutdown", client);
        server.Shutdown(SocketShutdown.Both);
        client.Poll(Patience, SelectMode.SelectRead);
        ShowPolls(trace, "both ended", client);
        ShowPolls(trace, "both ended", server);
        (client, server) = IPv4.Pair(trace);
        server.LingerState = new LingerOption(true, 0);
        server.Dispose();
        client.Poll(Patience, SelectMode.SelectRead);
        ShowPolls(trace, "reset", client);
        trace.Get("error", () => client.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error));
        ShowPolls(trace, "error taken", client);
        trace.Get("receive", () => client.Receive(new byte[1]));
        trace.Get("send", () => client.Send(new byte[1]));
        Socket datagrams = IPv4.Datagrams(trace);
        ShowPolls(trace, "datagrams", datagrams);
        datagrams.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        datagrams.SendTo(Bytes(""), datagrams.LocalEndPoint!);
        datagrams.Poll(Patience, SelectMode.SelectRead);
        ShowPolls(trace, "an empty one", datagrams);
    }

    private static void Select(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        (Socket quiet, Socket other) = IPv4.Pair(trace);
        client.Send(Bytes("a"));
        server.Poll(Patience, SelectMode.SelectRead);
        List<Socket> reads = [client, server, quiet, other];
        List<Socket> writes = [client, server];
        List<Socket> errors = [client, server];
        trace.Do("select", () => Socket.Select(reads, writes, errors, Patience));
        trace.Say($"reads {reads.Count} {trace.Show(reads.Contains(server))} writes {writes.Count} errors {errors.Count}");
        reads = [quiet, other];
        trace.Do("in vain", () => Socket.Select(reads, null, null, 10_000));
        trace.Say($"reads {reads.Count}");
        trace.Do("nothing", () => Socket.Select(null, null, null, 0));
    }

    /// <summary>Writes down whether a socket is ready to read, to write, and for what is out of the ordinary.</summary>
    public static void ShowPolls(SocketTrace trace, string when, Socket socket) => trace.Say(
        $"{when} {(socket.Poll(0, SelectMode.SelectRead) ? 'r' : '-')}"
        + $"{(socket.Poll(0, SelectMode.SelectWrite) ? 'w' : '-')}{(socket.Poll(0, SelectMode.SelectError) ? 'e' : '-')}");
}
