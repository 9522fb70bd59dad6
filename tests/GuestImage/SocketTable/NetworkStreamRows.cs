using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>NetworkStream over a connection.</summary>
internal static class NetworkStreamRows
{
    public static IEnumerable<SocketRow> All =>
    [
        new("stream NetworkStream", NetworkStreamAsync),
        new("stream NetworkStream errors", NetworkStreamErrorsAsync),
    ];

    private static async Task NetworkStreamAsync(SocketTrace trace)
    {
        (Socket client, Socket server) = IPv4.Pair(trace);
        using NetworkStream ours = new(client, ownsSocket: true);
        using NetworkStream theirs = new(server, ownsSocket: true);
        trace.Say($"reads {trace.Show(ours.CanRead)} writes {trace.Show(ours.CanWrite)} seeks {trace.Show(ours.CanSeek)}");
        trace.Get("length", () => ours.Length);
        trace.Get("data", () => theirs.DataAvailable);
        trace.Do("write", () => ours.Write(Bytes("abc")));
        trace.Get("read", () => theirs.ReadByte());
        trace.Get("data", () => theirs.DataAvailable);
        await trace.GetAsync("read", () => theirs.ReadAsync(new byte[9]).AsTask());
        theirs.ReadTimeout = 20;
        trace.Get("read in time", () => theirs.Read(new byte[9]));
        theirs.ReadTimeout = System.Threading.Timeout.Infinite;
        await trace.GetAsync(
            "read until cancelled", () => SocketTrace.CancelAsync(token => theirs.ReadAsync(new byte[9], token).AsTask()));
        await trace.DoAsync("write", () => ours.WriteAsync(Bytes("after")).AsTask());
        await trace.GetAsync("read", () => theirs.ReadAsync(new byte[9]).AsTask());
        ours.Dispose();
        trace.Get("read the end", () => theirs.Read(new byte[9]));
        trace.Get("read after dispose", () => ours.Read(new byte[9]));
        trace.Do("write after dispose", () => ours.Write(Bytes("a")));
        trace.Say($"reads {trace.Show(ours.CanRead)}");
        trace.Get("its socket", () => client.Available);
    }

    private static async Task NetworkStreamErrorsAsync(SocketTrace trace)
    {
        using Socket unconnected = IPv4.Stream(trace);
        trace.Get("of a socket without peer", () => new NetworkStream(unconnected));
        (Socket client, Socket server) = IPv4.Pair(trace);
        using NetworkStream stream = new(client);
        Task<int> reading = stream.ReadAsync(new byte[9]).AsTask();
        server.LingerState = new LingerOption(true, 0);
        server.Dispose();
        await trace.GetAsync("read at a reset", () => reading);
        trace.Do("write after a reset", () => stream.Write(Bytes("a")));
        trace.Get("read after a reset", () => stream.Read(new byte[9]));
        (client, server) = IPv4.Pair(trace);
        using NetworkStream other = new(client);
        reading = other.ReadAsync(new byte[9]).AsTask();
        client.Dispose();
        await trace.GetAsync("read while disposed", () => reading);
    }
}
