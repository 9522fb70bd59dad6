using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>
/// What .NET's NetworkInformation reads: each file against lines of Linux's, in which what differs from run to run has been replaced.
/// </summary>
public sealed class NetworkFileTests
{
    /// <summary>No timer, the user 0, and the number 7, which every <see cref="TestSocket"/> has.</summary>
    private const string TcpEnd = " 00:00000000 00000000     0        0 7 1 0000000000000000 20 4 0 10 -1";

    [Fact]
    public void Routes_have_gateways_and_masks_in_the_machine_s_order_of_bytes()
    {
        using TwoGuests guests = new("10.0.0.254, fd00::fe");
        string[] routes = Read(guests, "/proc/net/route").Split('\n');
        Assert.Equal("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT", routes[0].TrimEnd(' '));
        Assert.Equal(
            ["vif0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", "vif0\t00000000\tFE00000A\t0003\t0\t0\t0\t00000000\t0\t0\t0"],
            routes[1..^1].Select(line => line.TrimEnd(' ')));
        Assert.All(routes[..^1], line => Assert.Equal(127, line.Length));
        Assert.Contains(
            "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd0000000000000000000000000000fe 00000400 00000001 "
            + "00000000 00000003     vif0\n",
            Read(guests, "/proc/net/ipv6_route"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Addresses_of_IPv6_have_scopes_and_flags()
    {
        using TwoGuests guests = new();
        Assert.Equal(
            "00000000000000000000000000000001 01 80 10 80       lo\nfd000000000000000000000000000001 02 40 00 80     vif0\n"
            + "fe80000000000000000000fffe000001 02 40 20 80     vif0\n",
            string.Join('\n', Read(guests, "/proc/net/if_inet6").Split('\n', StringSplitOptions.RemoveEmptyEntries).Order()) + "\n");
    }

    [Fact]
    public void Devices_have_counters()
    {
        using TwoGuests guests = new();
        string[] lines = Read(guests, "/proc/net/dev").Split('\n');
        Assert.StartsWith("    lo:", lines[2], StringComparison.Ordinal);
        string[] columns = lines[3].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((17, "vif0:"), (columns.Length, columns[0]));
        Assert.True(int.Parse(columns[9], null) > 0 && int.Parse(columns[10], null) > 0, $"nothing was sent: {lines[3]}");
    }

    [Theory]
    [InlineData("/sys/class/net/vif0/address", "02:00:00:00:00:01\n")]
    [InlineData("/sys/class/net/vif0/mtu", "1500\n")]
    [InlineData("/sys/class/net/vif0/flags", "0x1003\n")]
    [InlineData("/sys/class/net/vif0/operstate", "up\n")]
    [InlineData("/sys/class/net/vif0/carrier", "1\n")]
    [InlineData("/sys/class/net/vif0/ifindex", "2\n")]
    [InlineData("/sys/class/net/vif0/type", "1\n")]
    [InlineData("/sys/class/net/vif0/tx_queue_len", "1000\n")]
    [InlineData("/sys/class/net/lo/flags", "0x9\n")]
    [InlineData("/sys/class/net/lo/operstate", "unknown\n")]
    [InlineData("/sys/class/net/vif9/mtu", null)]
    [InlineData("/sys/class/net/vif0/none", null)]
    [InlineData("/proc/sys/net/ipv4/ip_forward", "0\n")]
    [InlineData("/proc/sys/net/ipv4/conf/vif0/forwarding", "0\n")]
    [InlineData("/proc/sys/net/ipv6/conf/default/forwarding", "0\n")]
    [InlineData("/proc/sys/net/ipv6/conf/vif9/forwarding", null)]
    [InlineData("/proc/sys/net/ipv6/conf/vif0/mtu", null)]
    public void An_interface_has_files_of_its_own(string path, string? expected)
    {
        using TwoGuests guests = new();
        Settle(guests);
        (SocketErrno result, string content, _) = guests.Hosts[0].ReadFile(path);
        Assert.Equal((expected is null ? SocketErrno.ENOENT : SocketErrno.None, expected ?? ""), (result, content));
    }

    [Fact]
    public void Listeners_and_connections_are_in_the_file_of_their_socket_s_family()
    {
        using TwoGuests guests = new();
        Settle(guests);
        TestSocket listener = guests.Hosts[0].Open(SocketKind.Stream, isIPv6: true);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("::", 80)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        TestSocket client = guests.Hosts[1].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, client.Connect(TwoGuests.At("10.0.0.1", 80)));
        TestSocket accepted = listener.Accept();
        client.Write([1, 2, 3]);
        lock (guests.Hosts[0].Gate)
        {
            guests.Hosts[0].Await(() => accepted.Received.Count == 3, "the bytes");
        }

        string port = client.Local.Port.ToString("X4", null);
        Assert.Equal(
            [
                $"   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000{TcpEnd}",
                $"   1: 0000000000000000FFFF00000100000A:0050 0000000000000000FFFF00000200000A:{port} 01 00000000:00000003{TcpEnd}",
            ],
            Lines(guests.Hosts[0], "/proc/net/tcp6"));
        Assert.Empty(Lines(guests.Hosts[0], "/proc/net/tcp"));
        Assert.Equal(
            [$"   0: 0200000A:{port} 0100000A:0050 01 00000000:00000000{TcpEnd}"],
            Lines(guests.Hosts[1], "/proc/net/tcp").Select(line => line.TrimEnd()));
        Assert.Contains("\nTCP: inuse 0 orphan 0 tw 0 alloc 2 mem 0\n", Read(guests, "/proc/net/sockstat"), StringComparison.Ordinal);
        Assert.StartsWith("TCP6: inuse 2\nUDP6: inuse 0\n", Read(guests, "/proc/net/sockstat6"), StringComparison.Ordinal);
    }

    [Fact]
    public void Sockets_of_datagrams_are_connected_or_not()
    {
        using TwoGuests guests = new();
        Settle(guests);
        Assert.Equal(SocketErrno.None, guests.Hosts[0].Open(SocketKind.Datagram).Bind(TwoGuests.At("0.0.0.0", 7)));
        TestSocket connected = guests.Hosts[0].Open(SocketKind.Datagram, isIPv6: true);
        Assert.Equal(SocketErrno.None, connected.Connect(TwoGuests.At("fd00::2", 9)));
        const string end = " 00:00000000 00000000     0        0 7 2 0000000000000000 0";
        Assert.Equal(
            ["    0: 00000000:0007 00000000:0000 07 00000000:00000000" + end],
            Lines(guests.Hosts[0], "/proc/net/udp").Select(line => line.TrimEnd()));
        string port = connected.Local.Port.ToString("X4", null);
        Assert.Equal(
            [$"    0: 000000FD000000000000000001000000:{port} 000000FD000000000000000002000000:0009 01 00000000:00000000" + end],
            Lines(guests.Hosts[0], "/proc/net/udp6"));
    }

    /// <summary>.NET finds columns of snmp by their places, and rows of snmp6 by their names, in this order.</summary>
    [Fact]
    public void Counters_have_the_names_and_the_order_that_NET_reads()
    {
        using TwoGuests guests = new();
        string[] lines = Read(guests, "/proc/net/snmp").Split('\n');
        Assert.StartsWith(
            "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests "
            + "OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates",
            lines[0],
            StringComparison.Ordinal);
        Assert.StartsWith("Ip: 2 64 ", lines[1], StringComparison.Ordinal);
        Assert.StartsWith(
            "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps "
            + "InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutDestUnreachs OutTimeExcds",
            lines[2],
            StringComparison.Ordinal);
        Assert.StartsWith("Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens ", lines[4], StringComparison.Ordinal);
        Assert.StartsWith("Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors ", lines[6], StringComparison.Ordinal);
        for (int i = 0; i < 8; i += 2)
        {
            Assert.Equal(lines[i].Split(' ').Length, lines[i + 1].Split(' ').Length);
        }

        string rows = Read(guests, "/proc/net/snmp6");
        int at = 0;
        foreach (string name in (string[])
            ["Ip6InReceives", "Ip6OutRequests", "Ip6FragCreates", "Icmp6InMsgs", "Icmp6OutMsgs", "Icmp6InEchos", "Icmp6OutRedirects",
                "Udp6InDatagrams", "Udp6InCsumErrors"])
        {
            int next = rows.IndexOf(name + " ", at, StringComparison.Ordinal);
            Assert.True(next >= at, $"{name} is not where it should be in {rows}");
            at = next;
        }
    }

    [Fact]
    public void A_connection_shows_the_timer_of_what_is_not_acknowledged()
    {
        using TwoGuests guests = new();
        (TestSocket client, _) = guests.Connect();
        guests.Links[0].Passes = () => false;
        client.Write([1, 2, 3]);
        string line = "";
        Assert.True(
            SpinWait.SpinUntil(
                () =>
                {
                    line = Lines(guests.Hosts[0], "/proc/net/tcp").Single();
                    return line.Contains(" 01 00000003:00000000 01:", StringComparison.Ordinal)
                        && !line.Contains(" 00000000     0        0 7 ", StringComparison.Ordinal);
                },
                TimeSpan.FromMinutes(3)),
            $"the timer is not shown, or nothing is sent again: {line}");
    }

    [Fact]
    public void Messages_of_neighbours_routers_and_groups_are_counted_by_their_kinds()
    {
        using TwoGuests guests = new();
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram, isIPv6: true);
        TestSocket peer = guests.Hosts[1].Open(SocketKind.Datagram, isIPv6: true);
        Assert.Equal(SocketErrno.None, peer.Bind(TwoGuests.At("::", 7)));
        socket.SendTo(TwoGuests.At("fd00::2", 7), [1]);
        peer.ReceiveFrom();
        Dictionary<string, long> counters = Read(guests, "/proc/net/snmp6")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(words => words[0], words => long.Parse(words[1], null));
        foreach (string name in (string[])
            ["OutNeighborSolicits", "InNeighborAdvertisements", "OutNeighborAdvertisements", "OutGroupMembResponses"])
        {
            Assert.True(counters[$"Icmp6{name}"] > 0, $"{name} is 0");
        }

        Assert.Equal((0, 0), (counters["Icmp6OutRouterAdvertisements"], counters["Icmp6InGroupMembQueries"]));
    }

    /// <summary>Whoever reads these files on Linux finds the same columns here: those of the machine that runs this test.</summary>
    [Theory]
    [InlineData("/proc/net/dev", 2)]
    [InlineData("/proc/net/route", 1)]
    [InlineData("/proc/net/tcp", 1)]
    [InlineData("/proc/net/tcp6", 1)]
    [InlineData("/proc/net/udp", 1)]
    [InlineData("/proc/net/udp6", 1)]
    public void Columns_are_those_of_Linux(string path, int lines)
    {
        using TwoGuests guests = new();
        Assert.Equal(File.ReadLines(path).Take(lines), Read(guests, path).Split('\n').Take(lines));
    }

    [Theory]
    [InlineData("address")]
    [InlineData("carrier")]
    [InlineData("flags")]
    [InlineData("ifindex")]
    [InlineData("mtu")]
    [InlineData("operstate")]
    [InlineData("tx_queue_len")]
    [InlineData("type")]
    public void The_loopback_is_that_of_Linux(string attribute)
    {
        using TwoGuests guests = new();
        string path = $"/sys/class/net/lo/{attribute}";
        Assert.Equal(File.ReadAllText(path), Read(guests, path));
    }

    private static void Settle(TwoGuests guests) => Assert.All(guests.Hosts, host => Assert.True(
        SpinWait.SpinUntil(() => host.ReadFile("/etc/hosts").Content.Contains("fd00", StringComparison.Ordinal), TimeSpan.FromMinutes(3)),
        "an address did not come"));

    private static string Read(TwoGuests guests, string path)
    {
        Settle(guests);
        (SocketErrno result, string content, _) = guests.Hosts[0].ReadFile(path);
        Assert.Equal(SocketErrno.None, result);
        return content;
    }

    private static string[] Lines(TestSocketHost host, string path) =>
        host.ReadFile(path).Content.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..];
}
