using System.Diagnostics;
using System.Net.Sockets;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Options whose values are structures.</summary>
internal static class StructureRows
{
    private const int Ip = 0;
    private const int IpOptions = 4;
    private const int Tcp = 6;
    private const int TcpInfo = 11;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static IEnumerable<SocketRow> All =>
        [new("options of packets", OfPackets), new("what TCP_INFO says of a connection", InfoOfConnection)];

    /// <summary>Source routes, which are the only options of IP that the stack obeys.</summary>
    private static void OfPackets(SocketTrace trace)
    {
        Socket stream = SocketFamily.IPv4.Stream(trace);
        foreach (string value in (string[])
        [
            "01", "010100", "830704C0A80001", "01830704C0A80001", "890B04C0A80001C0A80002", "830704E0000001", "830304",
            "830708C0A80001", "830B04C0A80001",
        ])
        {
            trace.Do($"set '{value}'", () => stream.SetRawSocketOption(Ip, IpOptions, Convert.FromHexString(value)));
            byte[] kept = new byte[64];
            trace.Get("get", () => Convert.ToHexString(kept.AsSpan(0, stream.GetRawSocketOption(Ip, IpOptions, kept))));
        }

        byte[] one = new byte[1];
        trace.Get("get", () => stream.GetRawSocketOption(Ip, IpOptions, one));
    }

    /// <summary>Of struct tcp_info (linux/tcp.h) what no time and no size of the loopback decides.</summary>
    private static void InfoOfConnection(SocketTrace trace)
    {
        using (Socket fresh = SocketFamily.IPv4.Stream(trace))
        {
            SayInfo(trace, "a new one", fresh);
        }

        using Socket listener = SocketFamily.IPv4.Listener(trace);
        Socket client = SocketFamily.IPv4.Stream(trace);
        client.Connect(SocketFamily.IPv4.Of(listener));
        Socket server = trace.Own(listener.Accept());
        SayInfo(trace, "connected", client);
        SayInfo(trace, "accepted", server);
        trace.Get("send", () => client.Send(new byte[1_000]));
        trace.Get("receive", () => server.Receive(new byte[1_000]));
        SayInfo(trace, "has sent", client, acknowledged: 1_001);
        SayInfo(trace, "has received", server);
        client.Shutdown(SocketShutdown.Send);
        trace.Get("end", () => server.Receive(new byte[1]));
        SayInfo(trace, "has finished", client, acknowledged: 1_002);
        SayInfo(trace, "has the peer's end", server);
        byte[] few = new byte[8];
        trace.Get("8 bytes", () => client.GetRawSocketOption(Tcp, TcpInfo, few));
        trace.Do("set", () => client.SetRawSocketOption(Tcp, TcpInfo, new byte[8]));
    }

    /// <param name="trace">Where it is said.</param>
    /// <param name="when">What has happened.</param>
    /// <param name="socket">Whose TCP_INFO.</param>
    /// <param name="acknowledged">As many bytes are awaited: they are acknowledged when the peer's system sees fit.</param>
    private static void SayInfo(SocketTrace trace, string when, Socket socket, ulong acknowledged = 0)
    {
        byte[] info = new byte[512];
        int length;
        Stopwatch waited = Stopwatch.StartNew();
        while ((length = socket.GetRawSocketOption(Tcp, TcpInfo, info)) >= 136
            && BitConverter.ToUInt64(info, 120) < acknowledged && waited.Elapsed < s_patience)
        {
            Thread.Sleep(1);
        }

        trace.Say(
            $"{when}: at least 232 bytes {trace.Show(length >= 232)}, state {info[0]}, ca_state {info[1]}, retransmits {info[2]}, "
            + $"probes {info[3]}, options {info[5]}, unacked {BitConverter.ToUInt32(info, 24)}, lost {BitConverter.ToUInt32(info, 32)}, "
            + $"retrans {BitConverter.ToUInt32(info, 36)}, ssthresh {BitConverter.ToUInt32(info, 76)}, "
            + $"total_retrans {BitConverter.ToUInt32(info, 100)}, bytes_acked {BitConverter.ToUInt64(info, 120)}, "
            + $"bytes_received {BitConverter.ToUInt64(info, 128)}, notsent {BitConverter.ToUInt32(info, 144)}");
    }
}
