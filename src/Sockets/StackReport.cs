using System.Globalization;
using Xenlet.Net;
using Xenlet.Net.Base;
using Xenlet.Net.Tcp;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets;

/// <summary>What <c>xl sysrq GUEST n</c> shows of a stack: interfaces, then sockets as <c>ss -tuani</c> lists them.</summary>
internal static class StackReport
{
    /// <summary>A line for each of ten thousand connections would keep the console busy for long.</summary>
    private const int MostLines = 200;

    /// <summary>Writes the report. Called by the stack's thread.</summary>
    /// <param name="stack">The stack.</param>
    /// <param name="views">Its sockets: what their programs have not read is known there.</param>
    /// <param name="faults">Exceptions that it has survived.</param>
    /// <param name="writer">Where to.</param>
    public static void Write(IpStack stack, IEnumerable<SocketView> views, long faults, TextWriter writer)
    {
        Dictionary<Flow, int> unread = [];
        foreach (SocketView each in views)
        {
            unread[new Flow(each.Local, each.Remote)] = each.ReceiveQueue;
        }

        foreach (IpInterface each in stack.Interfaces)
        {
            string addresses = string.Join(' ', each.Addresses.Select(address => $"{address.Address} ({address.State})"));
            writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{each.Name}: {(addresses.Length > 0 ? addresses : "no address")}, MTU {each.Mtu}, received {each.Statistics.RxPackets}, "
                + $"sent {each.Statistics.TxPackets} packets"));
        }

        TcpCounters counters = stack.Tcp.Counters;
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"tcp: {stack.Tcp.Connections.Count} connections, {stack.Tcp.TimeWaitCount} in TIME-WAIT, {counters.OutSegs} segments sent, "
            + $"{counters.RetransSegs} again; {faults} exceptions"));
        writer.WriteLine(Line("Netid", "State", "Recv-Q", "Send-Q", "Local", "Peer"));
        foreach (TcpListener each in stack.Tcp.Listeners)
        {
            writer.WriteLine(Line("tcp", "LISTEN", each.SynCount, each.Backlog, Name(each.Binding.Local), "*"));
        }

        foreach (UdpEndpoint each in stack.UdpEndpoints)
        {
            writer.WriteLine(Line(
                "udp", each.Remote is null ? "UNCONN" : "ESTAB", "", "", Name(each.Local), each.Remote is { } peer ? Name(peer) : "*"));
        }

        foreach (TcpConnection each in stack.Tcp.Connections.Take(MostLines))
        {
            WriteConnection(each.GetInfo(), unread.GetValueOrDefault(each.Flow), writer);
        }

        if (stack.Tcp.Connections.Count is > MostLines and int count)
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"and {count - MostLines} connections more"));
        }
    }

    private static void WriteConnection(in TcpConnectionInfo info, int unread, TextWriter writer)
    {
        writer.Write(Line("tcp", StateOf(info.State), unread, info.SendQueue, Name(info.Flow.Local), Name(info.Flow.Remote)));
        string threshold = info.Threshold >= int.MaxValue / 2 ? "none" : info.Threshold.ToString(CultureInfo.InvariantCulture);
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  rtt {Milliseconds(info.RoundTrip)} rto {Milliseconds(info.RetransmissionTimeout)} cwnd {info.CongestionWindow} "
            + $"ssthresh {threshold} snd_wnd {info.SendWindow} mss {info.SegmentSize} retrans {info.Retransmissions}"));
    }

    private static string Line(string kind, string state, object receiveQueue, object sendQueue, string local, string peer) =>
        string.Create(CultureInfo.InvariantCulture, $"{kind,-5} {state,-10} {receiveQueue,7} {sendQueue,7} {local,-22} {peer,-22}");

    private static string Milliseconds(long time) =>
        string.Create(CultureInfo.InvariantCulture, $"{(double)time / StackTime.Millisecond:0.###} ms");

    private static string Name(Endpoint endpoint) => endpoint.Address.IsAny
        ? string.Create(CultureInfo.InvariantCulture, $"{(endpoint.Address.IsIPv4 ? "0.0.0.0" : "*")}:{endpoint.Port}")
        : endpoint.ToString();

    /// <summary>As ss abbreviates them.</summary>
    private static string StateOf(TcpState state) => state switch
    {
        TcpState.Established => "ESTAB",
        TcpState.SynSent => "SYN-SENT",
        TcpState.SynReceived => "SYN-RECV",
        TcpState.FinWait1 => "FIN-WAIT-1",
        TcpState.FinWait2 => "FIN-WAIT-2",
        TcpState.CloseWait => "CLOSE-WAIT",
        TcpState.LastAck => "LAST-ACK",
        TcpState.Closing => "CLOSING",
        _ => "UNCONN",
    };
}
