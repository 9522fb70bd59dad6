using System.Globalization;
using System.Text;
using Xenlet.Net;
using Xenlet.Net.Tcp;
using Xenlet.Net.Wire;

namespace Xenlet.Sockets.Files;

/// <summary>
/// /proc/net/snmp and snmp6 (net/ipv4/proc.c, net/ipv6/proc.c). What the stack does not do, such as forwarding, is 0. .NET reads the
/// columns of ICMP by their places, in the order that Linux had before it counted what its rate limits held back.
/// </summary>
internal sealed class CounterFiles(IpStack stack)
{
    private const int NotForwarding = 2;
    private const int DefaultTimeToLive = 64;

    /// <summary>RtoAlgorithm, RtoMin and RtoMax in milliseconds, MaxConn, as RFC 4022 has them: Van Jacobson's, and no limit.</summary>
    private static readonly (string, long)[] TcpConstants =
        [("RtoAlgorithm", 4), ("RtoMin", 200), ("RtoMax", 120_000), ("MaxConn", -1)];

    public string OfIPv4()
    {
        StringBuilder text = new();
        Add(text, "Ip", [("Forwarding", NotForwarding), ("DefaultTTL", DefaultTimeToLive), .. Ip(stack.IPv4Statistics)]);
        Add(text, "Icmp", Icmp(stack.IcmpStatistics));
        Add(text, "Tcp", [.. TcpConstants, .. Tcp()]);
        Add(text, "Udp", Udp(stack.UdpStatistics));
        return text.ToString();
    }

    public string OfIPv6()
    {
        StringBuilder text = new();
        AddRows(text, "Ip6", Ip6(stack.IPv6Statistics));
        AddRows(text, "Icmp6", Icmp6(stack.IcmpV6Statistics));
        AddRows(text, "Udp6", Udp(stack.UdpV6Statistics));
        return text.ToString();
    }

    private static (string, long)[] Ip(IpStatistics counters) =>
    [
        ("InReceives", counters.InReceives), ("InHdrErrors", counters.InHdrErrors), ("InAddrErrors", counters.InAddrErrors),
        ("ForwDatagrams", 0), ("InUnknownProtos", counters.InUnknownProtos), ("InDiscards", 0), ("InDelivers", counters.InDelivers),
        ("OutRequests", counters.OutRequests), ("OutDiscards", 0), ("OutNoRoutes", counters.OutNoRoutes),
        .. Fragments(counters),
    ];

    private static (string, long)[] Ip6(IpStatistics counters) =>
    [
        ("InReceives", counters.InReceives), ("InHdrErrors", counters.InHdrErrors), ("InTooBigErrors", 0), ("InNoRoutes", 0),
        ("InAddrErrors", counters.InAddrErrors), ("InUnknownProtos", counters.InUnknownProtos), ("InTruncatedPkts", 0), ("InDiscards", 0),
        ("InDelivers", counters.InDelivers), ("OutForwDatagrams", 0), ("OutRequests", counters.OutRequests), ("OutDiscards", 0),
        ("OutNoRoutes", counters.OutNoRoutes),
        .. Fragments(counters),
    ];

    private static (string, long)[] Fragments(IpStatistics counters) =>
    [
        ("ReasmTimeout", counters.ReasmTimeout), ("ReasmReqds", counters.ReasmReqds), ("ReasmOKs", counters.ReasmOKs),
        ("ReasmFails", counters.ReasmFails), ("FragOKs", counters.FragOKs), ("FragFails", counters.FragFails),
        ("FragCreates", counters.FragCreates),
    ];

    private static (string, long)[] Icmp(IcmpStatistics counters) =>
    [
        ("InMsgs", counters.InMsgs), ("InErrors", counters.InErrors), ("InCsumErrors", counters.InCsumErrors),
        ("InDestUnreachs", counters.InDestUnreachs), ("InTimeExcds", counters.InTimeExcds), ("InParmProbs", counters.InParmProbs),
        ("InSrcQuenchs", 0), ("InRedirects", counters.InRedirects), ("InEchos", counters.InEchos), ("InEchoReps", counters.InEchoReps),
        ("InTimestamps", 0), ("InTimestampReps", 0), ("InAddrMasks", 0), ("InAddrMaskReps", 0), ("OutMsgs", counters.OutMsgs),
        ("OutErrors", 0), ("OutDestUnreachs", counters.OutDestUnreachs), ("OutTimeExcds", counters.OutTimeExcds),
        ("OutParmProbs", counters.OutParmProbs), ("OutSrcQuenchs", 0), ("OutRedirects", 0), ("OutEchos", 0),
        ("OutEchoReps", counters.OutEchoReps), ("OutTimestamps", 0), ("OutTimestampReps", 0), ("OutAddrMasks", 0), ("OutAddrMaskReps", 0),
    ];

    private static (string, long)[] Icmp6(IcmpStatistics counters) =>
    [
        ("InMsgs", counters.InMsgs), ("InErrors", counters.InErrors), ("OutMsgs", counters.OutMsgs), ("OutErrors", 0),
        ("InCsumErrors", counters.InCsumErrors), ("InDestUnreachs", counters.InDestUnreachs), ("InPktTooBigs", counters.InPktTooBigs),
        ("InTimeExcds", counters.InTimeExcds), ("InParmProblems", counters.InParmProbs), ("InEchos", counters.InEchos),
        ("InEchoReplies", counters.InEchoReps), ("InGroupMembQueries", counters.Received(IcmpV6Type.MulticastListenerQuery)),
        ("InGroupMembResponses", counters.Received(IcmpV6Type.MulticastListenerReport)),
        ("InGroupMembReductions", counters.Received(IcmpV6Type.MulticastListenerDone)),
        ("InRouterSolicits", counters.Received(IcmpV6Type.RouterSolicitation)),
        ("InRouterAdvertisements", counters.Received(IcmpV6Type.RouterAdvertisement)),
        ("InNeighborSolicits", counters.Received(IcmpV6Type.NeighbourSolicitation)),
        ("InNeighborAdvertisements", counters.Received(IcmpV6Type.NeighbourAdvertisement)), ("InRedirects", counters.InRedirects),
        ("OutDestUnreachs", counters.OutDestUnreachs), ("OutPktTooBigs", 0), ("OutTimeExcds", counters.OutTimeExcds),
        ("OutParmProblems", counters.OutParmProbs), ("OutEchos", 0), ("OutEchoReplies", counters.OutEchoReps),
        ("OutGroupMembQueries", counters.Sent(IcmpV6Type.MulticastListenerQuery)),
        ("OutGroupMembResponses", counters.Sent(IcmpV6Type.MulticastListenerReport)),
        ("OutGroupMembReductions", counters.Sent(IcmpV6Type.MulticastListenerDone)),
        ("OutRouterSolicits", counters.Sent(IcmpV6Type.RouterSolicitation)),
        ("OutRouterAdvertisements", counters.Sent(IcmpV6Type.RouterAdvertisement)),
        ("OutNeighborSolicits", counters.Sent(IcmpV6Type.NeighbourSolicitation)),
        ("OutNeighborAdvertisements", counters.Sent(IcmpV6Type.NeighbourAdvertisement)), ("OutRedirects", 0),
    ];

    private static (string, long)[] Udp(UdpStatistics counters) =>
    [
        ("InDatagrams", counters.InDatagrams), ("NoPorts", counters.NoPorts), ("InErrors", counters.InErrors),
        ("OutDatagrams", counters.OutDatagrams), ("RcvbufErrors", counters.RcvbufErrors), ("SndbufErrors", counters.SndbufErrors),
        ("InCsumErrors", counters.InCsumErrors), ("IgnoredMulti", counters.IgnoredMulti), ("MemErrors", 0),
    ];

    private (string, long)[] Tcp()
    {
        TcpCounters counters = stack.Tcp.Counters;
        long established = stack.Tcp.Connections.Count(each => each.State is TcpState.Established or TcpState.CloseWait);
        return
        [
            ("ActiveOpens", counters.ActiveOpens), ("PassiveOpens", counters.PassiveOpens), ("AttemptFails", counters.AttemptFails),
            ("EstabResets", counters.EstabResets), ("CurrEstab", established), ("InSegs", counters.InSegs), ("OutSegs", counters.OutSegs),
            ("RetransSegs", counters.RetransSegs), ("InErrs", counters.InErrs), ("OutRsts", counters.OutRsts),
            ("InCsumErrors", counters.InCsumErrors),
        ];
    }

    private static void Add(StringBuilder text, string protocol, (string Name, long Value)[] counters)
    {
        text.Append(protocol).Append(": ").AppendJoin(' ', counters.Select(each => each.Name)).Append('\n');
        text.Append(protocol).Append(": ").AppendJoin(' ', counters.Select(each => each.Value)).Append('\n');
    }

    private static void AddRows(StringBuilder text, string protocol, (string Name, long Value)[] counters)
    {
        foreach ((string name, long value) in counters)
        {
            text.Append(CultureInfo.InvariantCulture, $"{protocol + name,-32}\t{value}\n");
        }
    }
}
