using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Urgent data of a connection: MSG_OOB, SO_OOBINLINE, SIOCATMARK.</summary>
internal static class UrgentRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        .. SocketFamily.All.Select(family => new SocketRow($"urgent data {family.Name}", trace => Taken(trace, family))),
        new("urgent data in line", Inline),
        new("urgent data that is not taken", NotTaken),
        new("urgent data twice", Twice),
        new("urgent data behind the mark", BehindTheMark),
        new("urgent data at the end", AtTheEnd),
        new("urgent data left unread", LeftUnread),
        new("urgent data by select", Select),
        new("urgent data by tasks", TasksAsync),
        new("urgent data where there is none", Nowhere),
    ];

    private static void Taken(SocketTrace trace, SocketFamily family)
    {
        (Socket client, Socket server) = family.Pair(trace);
        trace.Get("receive before", () => server.Receive(new byte[1], SocketFlags.OutOfBand));
        trace.Get("send", () => client.Send(Bytes("abc"), SocketFlags.OutOfBand));
        trace.Get("comes", () => server.Poll(Patience, SelectMode.SelectError));
        Await(trace, server, 2);
        PollRows.ShowPolls(trace, "arrived", server);
        ShowMark(trace, server);
        trace.Get("peek", () => Take(server, 9, SocketFlags.Peek));
        trace.Get("receive", () => Take(server, 9));
        ShowMark(trace, server);
        PollRows.ShowPolls(trace, "at the mark", server);
        trace.Get("available", () => server.Available);
        trace.Get("peek the byte", () => Take(server, 9, SocketFlags.OutOfBand | SocketFlags.Peek));
        trace.Get("take the byte", () => Take(server, 9, SocketFlags.OutOfBand));
        PollRows.ShowPolls(trace, "taken", server);
        trace.Get("again", () => server.Receive(new byte[1], SocketFlags.OutOfBand));
        ShowMark(trace, server);
        client.Send(Bytes("de"));
        trace.Get("more", () => server.Poll(Patience, SelectMode.SelectRead));
        trace.Get("peek", () => Take(server, 9, SocketFlags.Peek));
        trace.Get("receive", () => Take(server, 9));
        ShowMark(trace, server);
    }

    private static void Inline(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.OutOfBandInline, true);
        client.Send(Bytes("abc"), SocketFlags.OutOfBand);
        trace.Get("comes", () => server.Poll(Patience, SelectMode.SelectError));
        client.Send(Bytes("de"));
        Await(trace, server, 5);
        trace.Get("take the byte", () => server.Receive(new byte[1], SocketFlags.OutOfBand));
        trace.Get("receive", () => Take(server, 9));
        ShowMark(trace, server);
        PollRows.ShowPolls(trace, "at the mark", server);
        trace.Get("receive", () => Take(server, 9));
        ShowMark(trace, server);
        PollRows.ShowPolls(trace, "behind it", server);
    }

    private static void NotTaken(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("ab"), SocketFlags.OutOfBand);
        trace.Get("comes", () => server.Poll(Patience, SelectMode.SelectError));
        trace.Get("receive", () => Take(server, 1));
        client.Send(Bytes("cd"));
        trace.Get("more", () => server.Poll(Patience, SelectMode.SelectRead));
        trace.Get("available", () => server.Available);
        trace.Get("receive past it", () => Take(server, 9));
        PollRows.ShowPolls(trace, "past it", server);
        trace.Get("take the byte", () => server.Receive(new byte[1], SocketFlags.OutOfBand));
    }

    private static void Twice(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("ab"), SocketFlags.OutOfBand);
        trace.Get("comes", () => server.Poll(Patience, SelectMode.SelectError));
        Await(trace, server, 1);
        client.Send(Bytes("cd"), SocketFlags.OutOfBand);
        Await(trace, server, 3);
        trace.Get("receive", () => Take(server, 9));
        ShowMark(trace, server);
        trace.Get("take the byte", () => Take(server, 1, SocketFlags.OutOfBand));
    }

    private static void BehindTheMark(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("ab"), SocketFlags.OutOfBand);
        trace.Get("comes", () => server.Poll(Patience, SelectMode.SelectError));
        trace.Get("receive", () => Take(server, 9));
        ShowMark(trace, server);
        client.Send(Bytes("cd"), SocketFlags.OutOfBand);
        Await(trace, server, 1);
        ShowMark(trace, server);
        trace.Get("take the byte", () => Take(server, 1, SocketFlags.OutOfBand));
        trace.Get("receive", () => Take(server, 9));
        ShowMark(trace, server);
    }

    private static void AtTheEnd(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("a"), SocketFlags.OutOfBand);
        client.Shutdown(SocketShutdown.Send);
        trace.Get("comes", () => server.Poll(Patience, SelectMode.SelectError));
        trace.Get("end", () => server.Poll(Patience, SelectMode.SelectRead));
        PollRows.ShowPolls(trace, "at the end", server);
        trace.Get("take nothing", () => server.Receive(Array.Empty<byte>(), SocketFlags.OutOfBand));
        trace.Get("take the byte", () => server.Receive(new byte[1], SocketFlags.OutOfBand));
        trace.Get("receive", () => server.Receive(new byte[1]));
        ShowMark(trace, server);
    }

    private static void LeftUnread(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("a"), SocketFlags.OutOfBand);
        trace.Get("comes", () => server.Poll(Patience, SelectMode.SelectError));
        trace.Get("take the byte", () => Take(server, 1, SocketFlags.OutOfBand));
        server.Dispose();
        trace.Get("ends", () => client.Poll(Patience, SelectMode.SelectRead));
        trace.Get("receive", () => client.Receive(new byte[1]));
    }

    private static void Select(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("a"), SocketFlags.OutOfBand);
        List<Socket> reads = [client];
        List<Socket> errors = [client, server];
        trace.Do("select", () => Socket.Select(reads, null, errors, Patience));
        trace.Say($"reads {reads.Count} errors {errors.Count} {trace.Show(errors.Contains(server))}");
        trace.Get("take the byte", () => Take(server, 1, SocketFlags.OutOfBand));
        errors = [client, server];
        trace.Do("select in vain", () => Socket.Select(null, null, errors, 10_000));
        trace.Say($"errors {errors.Count}");
    }

    private static async Task TasksAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        Task<int> receiving = server.ReceiveAsync(new byte[9]);
        await trace.GetAsync("send", () => client.SendAsync(Bytes("abc"), SocketFlags.OutOfBand));
        await trace.GetAsync("receive", () => receiving);
        byte[] buffer = new byte[1];
        await trace.GetAsync("take the byte", () => server.ReceiveAsync(buffer, SocketFlags.OutOfBand));
        trace.Get("has", () => buffer);
        receiving = server.ReceiveAsync(buffer);
        client.Send(Bytes("d"));
        await trace.GetAsync("receive", () => receiving);
        trace.Get("has", () => buffer);
    }

    private static void Nowhere(SocketTrace trace)
    {
        Socket socket = IPv4.Stream(trace);
        trace.Get("receive", () => socket.Receive(new byte[1], SocketFlags.OutOfBand));
        trace.Get("send", () => socket.Send(Bytes("a"), SocketFlags.OutOfBand));
        ShowMark(trace, socket);
        Socket listener = IPv4.Listener(trace);
        trace.Get("receive of a listener", () => listener.Receive(new byte[1], SocketFlags.OutOfBand));
        Socket datagrams = IPv4.BoundDatagrams(trace);
        datagrams.Connect(datagrams.LocalEndPoint!);
        trace.Get("send a datagram", () => datagrams.Send(Bytes("a"), SocketFlags.OutOfBand));
    }

    /// <summary>Receives once.</summary>
    private static byte[] Take(Socket socket, int length, SocketFlags flags = SocketFlags.None)
    {
        byte[] buffer = new byte[length];
        return buffer[..socket.Receive(buffer, flags)];
    }

    private static void ShowMark(SocketTrace trace, Socket socket)
    {
        byte[] answer = new byte[4];
        trace.Get("at the mark", () =>
        {
            socket.IOControl(IOControlCode.OobDataRead, null, answer);
            return BitConverter.ToInt32(answer);
        });
    }

    /// <summary>Waits until so many bytes can be read before the mark.</summary>
    private static void Await(SocketTrace trace, Socket socket, int count)
    {
        SocketTrace.Await(() => socket.Available == count);
        trace.Get("available", () => socket.Available);
    }
}
