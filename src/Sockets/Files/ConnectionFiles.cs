using System.Globalization;
using System.Text;
using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.Sockets.Files;

/// <summary>
/// /proc/net/tcp, tcp6, udp, udp6, sockstat and sockstat6, as Linux writes them (net/ipv4/tcp_ipv4.c, udp.c, proc.c). The user is 0, which
/// every program of a guest is.
/// </summary>
/// <param name="stack">The stack.</param>
/// <param name="sockets">The program's sockets that have a port.</param>
internal sealed class ConnectionFiles(IpStack stack, Func<IEnumerable<SocketView>> sockets)
{
    private const int LineOfTcp = 149;
    private const int LineOfUdp = 127;

    /// <summary>Linux tells times in hundredths of a second (USER_HZ).</summary>
    private const long NanosecondsPerTick = 10_000_000;

    /// <summary>tcp and tcp6.</summary>
    public string Tcp(bool isIPv6)
    {
        string header = isIPv6
            ? "  sl  local_address                         remote_address                        "
            : "  sl  local_address rem_address   ";
        StringBuilder text = new();
        Add(text, header + "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", isIPv6 ? 0 : LineOfTcp);
        int number = 0;
        foreach (SocketView each in All(isStream: true, isIPv6))
        {
            string end = each.State == SocketView.TimeWait ? " 3 0000000000000000" : " 1 0000000000000000 20 4 0 10 -1";
            Add(text, $"{number++,4}: {Line(each)} {TimerOf(each.Timer)} {each.Inode}{end}", isIPv6 ? 0 : LineOfTcp);
        }

        return text.ToString();
    }

    /// <summary>udp and udp6.</summary>
    public string Udp(bool isIPv6)
    {
        string header = isIPv6
            ? "  sl  local_address                         remote_address                        "
            : "   sl  local_address rem_address   ";
        StringBuilder text = new();
        Add(text, header + "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops", isIPv6 ? 0 : LineOfUdp);
        int number = 0;
        foreach (SocketView each in All(isStream: false, isIPv6))
        {
            string rest = $"{TimerOf(default)} {each.Inode} 2 0000000000000000 0";
            Add(text, $"{number++,5}: {Line(each)} {rest}", isIPv6 ? 0 : LineOfUdp);
        }

        return text.ToString();
    }

    public string SocketCounts()
    {
        SocketView[] all = [.. sockets()];
        int streams = all.Count(each => each is { IsStream: true, IsIPv6: false });
        int datagrams = all.Count(each => each is { IsStream: false, IsIPv6: false });
        int orphans = WithoutSocket([.. all.Where(each => each.IsStream)]).Count(each => each.State != SocketView.TimeWait);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"sockets: used {all.Length}\nTCP: inuse {streams} orphan {orphans} tw {stack.Tcp.TimeWaitCount} "
            + $"alloc {all.Count(each => each.IsStream)} mem 0\n"
            + $"UDP: inuse {datagrams} mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n");
    }

    public string SocketCountsOfIPv6()
    {
        SocketView[] all = [.. sockets().Where(each => each.IsIPv6)];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"TCP6: inuse {all.Count(each => each.IsStream)}\nUDP6: inuse {all.Count(each => !each.IsStream)}\n")
            + "UDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n";
    }

    private IEnumerable<SocketView> All(bool isStream, bool isIPv6)
    {
        SocketView[] open = [.. sockets().Where(each => each.IsStream == isStream)];
        return open.Concat(isStream ? WithoutSocket(open) : []).Where(each => each.IsIPv6 == isIPv6);
    }

    /// <summary>Connections that go on when their sockets have gone. Of what family those were is not kept.</summary>
    private IEnumerable<SocketView> WithoutSocket(SocketView[] open)
    {
        HashSet<Flow> shown = [.. open.Select(each => new Flow(each.Local, each.Remote))];
        foreach (TcpConnection each in stack.Tcp.Connections.Where(each => !shown.Contains(each.Flow)))
        {
            yield return View(each.Flow, (int)each.State);
        }

        foreach (Flow flow in stack.Tcp.TimeWaits)
        {
            yield return View(flow, SocketView.TimeWait);
        }

        static SocketView View(Flow flow, int state) => new(true, !flow.Local.Address.IsIPv4, flow.Local, flow.Remote, state, 0, 0);
    }

    private static string Line(in SocketView socket) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name(socket.Local, socket.IsIPv6)} {Name(socket.Remote, socket.IsIPv6)} {socket.State:X2} "
        + $"{socket.SendQueue:X8}:{socket.ReceiveQueue:X8}");

    /// <summary>The timer with its time in hundredths of a second, retransmissions, the user, and probes.</summary>
    private static string TimerOf(in TcpTimerView timer) => string.Create(
        CultureInfo.InvariantCulture,
        $"{timer.Kind:X2}:{timer.Rest / NanosecondsPerTick:X8} {timer.Retries:X8} {0,5} {timer.Probes,8}");

    /// <summary>The address as the numbers that each four bytes of the wire are to this machine, and the port.</summary>
    private static string Name(Endpoint endpoint, bool isIPv6)
    {
        Span<byte> bytes = stackalloc byte[isIPv6 ? 16 : 4];
        if (isIPv6)
        {
            endpoint.Address.WriteIPv6(bytes);
        }
        else
        {
            endpoint.Address.Write(bytes);
        }

        for (int i = 0; i < bytes.Length; i += 4)
        {
            bytes.Slice(i, 4).Reverse();
        }

        return string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexString(bytes)}:{endpoint.Port:X4}");
    }

    private static void Add(StringBuilder text, string line, int width) => text.Append(line.PadRight(width)).Append('\n');
}
