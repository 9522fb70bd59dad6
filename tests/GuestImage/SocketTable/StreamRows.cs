using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Bytes of a connection.</summary>
internal static class StreamRows
{
    private const int Patience = 60_000_000;

    public static IEnumerable<SocketRow> All =>
    [
        .. SocketFamily.All.SelectMany(Of),
        new("stream peek", Peek),
        new("stream nothing", NothingAsync),
        new("stream scattered", ScatteredAsync),
        new("stream until full", UntilFull),
        new("stream flags", Flags),
        new("stream time-outs", TimeoutsAsync),
        new("stream large", LargeAsync),
        new("stream file", FileAsync),
        new("stream endpoints by duplicate", Duplicates),
    ];

    private static IEnumerable<SocketRow> Of(SocketFamily family) =>
    [
        new($"stream {family.Name}", trace =>
        {
            using Socket listener = family.Listener(trace);
            Socket client = family.Stream(trace);
            trace.Get("listens at", () => listener.LocalEndPoint);
            trace.Do("connect", () => client.Connect(family.Of(listener)));
            Socket server = trace.Own(listener.Accept());
            trace.Get("client", () => client.LocalEndPoint);
            trace.Get("client's peer", () => client.RemoteEndPoint);
            trace.Get("server", () => server.LocalEndPoint);
            trace.Get("server's peer", () => server.RemoteEndPoint);
            trace.Get("send", () => client.Send(Bytes("hello")));
            trace.Get("poll", () => server.Poll(Patience, SelectMode.SelectRead));
            trace.Get("available", () => server.Available);
            trace.Get("receive", () => Read(server, 5));
            trace.Get("answer", () => server.Send(Bytes("well")));
            trace.Get("receive", () => Read(client, 4));
            trace.Do("shutdown", () => client.Shutdown(SocketShutdown.Send));
            trace.Get("receive the end", () => server.Receive(new byte[9]));
            trace.Get("again", () => server.Receive(new byte[9]));
            trace.Get("send after the end", () => server.Send(Bytes("still")));
            trace.Get("receive", () => Read(client, 5));
            trace.Get("send after shutdown", () => client.Send(Bytes("no")));
            server.Dispose();
            trace.Get("receive the end", () => client.Receive(new byte[9]));
            trace.Get("connected", () => client.Connected);
        }),
        new($"stream {family.Name} by tasks", async trace =>
        {
            using Socket listener = family.Listener(trace);
            Socket client = family.Stream(trace);
            Task<Socket> accepting = listener.AcceptAsync();
            await trace.DoAsync("connect", () => client.ConnectAsync(family.Of(listener)));
            Socket server = trace.Own((await trace.GetAsync("accept", () => accepting))!);
            Task<int> receiving = server.ReceiveAsync(new byte[9]);
            await trace.GetAsync("send", () => client.SendAsync(Bytes("hello")));
            await trace.GetAsync("receive", () => receiving);
            receiving = client.ReceiveAsync(new byte[9]);
            trace.Do("shutdown", () => server.Shutdown(SocketShutdown.Both));
            await trace.GetAsync("receive the end", () => receiving);
            await trace.GetAsync("send after shutdown", () => server.SendAsync(Bytes("no")));
            await trace.GetAsync("receive after shutdown", () => server.ReceiveAsync(new byte[9]));
        }),
    ];

    private static void Peek(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        client.Send(Bytes("abcdef"));
        byte[] buffer = new byte[4];
        trace.Get("peek", () => server.Receive(buffer, SocketFlags.Peek));
        trace.Get("has", () => buffer);
        trace.Get("peek", () => server.Receive(buffer, SocketFlags.Peek));
        trace.Get("receive", () => server.Receive(buffer));
        trace.Get("has", () => buffer);
        trace.Get("available", () => server.Available);
        trace.Get("receive", () => server.Receive(buffer));
        trace.Get("available", () => server.Available);
    }

    private static async Task NothingAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        trace.Get("send nothing", () => client.Send(Array.Empty<byte>()));
        Task<int> waiting = server.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).AsTask();
        trace.Say($"waits {trace.Show(!waiting.IsCompleted)}");
        client.Send(Bytes("a"));
        await trace.GetAsync("receive nothing", () => waiting);
        trace.Get("receive nothing again", () => server.Receive(Array.Empty<byte>()));
        trace.Get("receive", () => Read(server, 1));
        client.Shutdown(SocketShutdown.Send);
        await trace.GetAsync("receive nothing at the end", () => server.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).AsTask());
        trace.Get("receive the end", () => server.Receive(new byte[1]));
    }

    private static async Task ScatteredAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        List<ArraySegment<byte>> pieces = [Bytes("ab"), Bytes(""), Bytes("cde"), new(Bytes("xfx"), 1, 1)];
        trace.Get("send", () => client.Send(pieces));
        server.Poll(Patience, SelectMode.SelectRead);
        byte[][] buffers = [new byte[1], [], new byte[3], new byte[9]];
        trace.Get("receive", () => server.Receive(buffers.Select(each => new ArraySegment<byte>(each)).ToList()));
        trace.Get("has", () => buffers.Select(each => each.TakeWhile(part => part != 0).ToArray()));
        await trace.GetAsync("send", () => client.SendAsync(pieces, SocketFlags.None));
        await trace.GetAsync("receive", () => server.ReceiveAsync([new ArraySegment<byte>(buffers[0]), new(buffers[2])], SocketFlags.None));
        trace.Get("rest", () => server.Available);
    }

    private static void UntilFull(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace, socket => socket.SendBufferSize = 65_536);
        client.Blocking = false;
        byte[] block = new byte[20_000];
        long sent = 0;
        SocketError error;

        // What was under way as a send failed may arrive after it, and leave room.
        do
        {
            int count;
            while ((count = client.Send(block, 0, block.Length, SocketFlags.None, out error)) > 0)
            {
                sent += count;
            }
        }
        while (client.Poll(0, SelectMode.SelectWrite));

        trace.Get("full", () => error);
        Task<long> reading = SocketTrace.Begin(() =>
        {
            long read = 0;
            int count;
            while ((count = server.Receive(new byte[100_000])) > 0)
            {
                read += count;
            }

            return read;
        });
        trace.Get("writable again", () => client.Poll(Patience, SelectMode.SelectWrite));
        client.Shutdown(SocketShutdown.Send);
        trace.Say($"all came {trace.Show(reading.Result == sent)}");
    }

    private static void Flags(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        foreach (SocketFlags flags in (SocketFlags[])
            [SocketFlags.DontRoute, SocketFlags.Partial, SocketFlags.Truncated, SocketFlags.ControlDataTruncated, SocketFlags.Multicast])
        {
            trace.Get($"send {flags}", () => client.Send(Bytes("ab"), flags));
            trace.Get($"receive {flags}", () => server.Receive(new byte[2], flags));
        }
    }

    private static async Task TimeoutsAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        trace.Get("time-out", () => client.ReceiveTimeout);
        client.ReceiveTimeout = 30;
        trace.Get("time-out", () => client.ReceiveTimeout);
        trace.Get("receive", () => client.Receive(new byte[1]));
        client.Blocking = false;
        trace.Get("receive at once", () => client.Receive(new byte[1]));
        client.Blocking = true;
        server.SendTimeout = 30;
        server.SendBufferSize = 10_000;
        byte[] block = new byte[1 << 20];
        SocketError error = SocketError.Success;
        for (int i = 0; i < 64 && error == SocketError.Success; i++)
        {
            server.Send(block, 0, block.Length, SocketFlags.None, out error);
        }

        trace.Say($"send {error}");
        await trace.GetAsync(
            "cancelled send", () => SocketTrace.CancelAsync(token => server.SendAsync(block, SocketFlags.None, token).AsTask()));
    }

    private static async Task LargeAsync(SocketTrace trace)
    {
        foreach (SocketFamily family in SocketFamily.All)
        {
            (Socket client, Socket server) = family.Pair(trace);
            byte[] there = new byte[1_500_000];
            byte[] back = new byte[1_500_000];
            new Random(1).NextBytes(there);
            new Random(2).NextBytes(back);
            Task<int>[] sending = [client.SendAsync(there), server.SendAsync(back)];
            byte[] came = new byte[there.Length];
            byte[] cameBack = new byte[back.Length];
            await Task.WhenAll(ReadAsync(server, came), ReadAsync(client, cameBack));
            await trace.GetAsync("sent", () => sending[0]);
            await trace.GetAsync("sent back", () => sending[1]);
            trace.Get("equal", () => came.AsSpan().SequenceEqual(there) && cameBack.AsSpan().SequenceEqual(back));
            client.Dispose();
            server.Dispose();
        }
    }

    private static async Task FileAsync(SocketTrace trace)
    {
        // A file that both systems have, with other content.
        const string path = "/etc/passwd";
        byte[] content = File.ReadAllBytes(path);
        (Socket client, Socket server) = IPv4.Pair(trace);
        trace.Do("send", () => client.SendFile(path));
        byte[] came = new byte[content.Length];
        await ReadAsync(server, came);
        trace.Get("equal", () => came.AsSpan().SequenceEqual(content));
        const TransmitFileOptions usual = TransmitFileOptions.UseDefaultWorkerThread;
        trace.Do("send with more", () => client.SendFile(path, Bytes("before"), Bytes("after"), usual));
        trace.Get("before", () => Read(server, 6));
        await ReadAsync(server, came);
        trace.Get("equal", () => came.AsSpan().SequenceEqual(content));
        trace.Get("after", () => Read(server, 5));
        await trace.DoAsync("send by a task", () => client.SendFileAsync(path).AsTask());
        came.AsSpan().Clear();
        await ReadAsync(server, came);
        trace.Get("equal", () => came.AsSpan().SequenceEqual(content));
        trace.Do("no file", () => client.SendFile(null, Bytes("only"), null, usual));
        trace.Get("only", () => Read(server, 4));
        trace.Do("a file that is not there", () => client.SendFile("/none"));
        using Socket unconnected = IPv4.Stream(trace);
        trace.Do("not connected", () => unconnected.SendFile(path));
    }

    private static void Duplicates(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        using Socket again = new(new SafeSocketHandle(client.SafeHandle.DangerousGetHandle(), ownsHandle: false));
        trace.Say($"{again.AddressFamily} {again.SocketType} {again.ProtocolType} connected {trace.Show(again.Connected)}");
        trace.Get("equal", () => Equals(again.RemoteEndPoint, client.RemoteEndPoint) && Equals(again.LocalEndPoint, client.LocalEndPoint));
        trace.Get("send", () => again.Send(Bytes("ab")));
        trace.Get("receive", () => Read(server, 2));
        using Socket listener = IPv4.Listener(trace);
        using Socket listening = new(new SafeSocketHandle(listener.SafeHandle.DangerousGetHandle(), ownsHandle: false));
        trace.Say($"bound {trace.Show(listening.IsBound)} connected {trace.Show(listening.Connected)}");
        trace.Get("local", () => listening.LocalEndPoint);
        trace.Get("remote", () => listening.RemoteEndPoint);
    }

    /// <summary>Reads so many bytes, or to the end.</summary>
    public static byte[] Read(Socket socket, int length)
    {
        byte[] bytes = new byte[length];
        int done = 0;
        int count;
        while (done < length && (count = socket.Receive(bytes.AsSpan(done))) > 0)
        {
            done += count;
        }

        return bytes[..done];
    }

    private static async Task ReadAsync(Socket socket, byte[] into)
    {
        int count;
        for (int done = 0; done < into.Length; done += count)
        {
            count = await socket.ReceiveAsync(into.AsMemory(done));
            if (count == 0)
            {
                break;
            }
        }
    }
}
