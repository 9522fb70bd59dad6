using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>Interfaces that a Xenlet serves, to other Xenlets and to dom0's Linux, and its uplink to dom0's bridge.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class NetworkBackEndTests(XenWorld world)
{
    private const string Dom0 = "10.99.30.1";
    private const string Plain = "10.99.30.2";
    private const string Plain6 = "fd99:30::2";
    private const string Far = "10.99.30.3";
    private const string Far6 = "fd99:30::3";
    private const string FarMac = "00:16:3e:55:00:03";
    private const string FramesMac = "00:16:3e:55:00:04";
    private const string Large = "10.99.30.5";
    private const string LargeMac = "00:16:3e:55:00:05";

    /// <summary>
    /// Data bytes of pings: of one frame, up to the MTU's 1472, and of many fragments, up to the most that there can be.
    /// </summary>
    private const string Sizes = "1 56 700 1471 1472 1473 9000 65507";

    [Fact]
    public async Task A_Xenlet_joins_Linux_and_two_Xenlets_to_dom0s_bridge_and_all_let_go_of_everything()
    {
        XenUse before = await XenUse.ReadAsync(world.Machine);
        await using NetworkServerGuest server = await NetworkServerGuest.StartAsync(world);
        await using XenBusGuest plain = await server.StartBehindAsync(
            $"XENLET_IP={Plain}/24,{Plain6}/64 echo-plain", $"mac=00:16:3e:55:00:02,ip={Plain} {Plain6}");
        await using XenBusGuest frames = await server.StartBehindAsync(
            $"XENLET_IP_1={Large}/24 network-echo", $"mac={FramesMac},rate=100Mb/s", $"mac={LargeMac},ip={Large}");
        await server.Dom0Async($"ip addr add {Dom0}/24 dev xenbr0");
        FarNamespace far = await FarNamespace.StartAsync(world, server, FarMac, Far, Far6);
        await plain.SeesAsync("echo: ready");
        await frames.SeesAsync("vif0 is Up");

        // Between Linux and a Xenlet that are both served here, and from the bridge to either. IPv6 finds its neighbours by multicast,
        // and has an address when nobody else has claimed it for a second.
        Assert.Equal("", await far.RunAsync(
            $"""
            for size in {Sizes}; do
                far ping -c 1 -W 60 -s $size {Plain} > /dev/null || echo $size from Linux to the Xenlet
                ping -c 1 -W 60 -s $size {Plain} > /dev/null || echo $size from dom0 to the Xenlet
                ping -c 1 -W 60 -s $size {Far} > /dev/null || echo $size from dom0 to Linux
            done
            until far ping6 -c 1 -W 1 {Plain6} > /dev/null; do usleep 50000; done
            far ping6 -c 1 -W 60 -s 5000 {Plain6} > /dev/null || echo IPv6 from Linux to the Xenlet
            """));
        Assert.Equal(
            "echoed 106 of 106\nechoed 106 of 106\nsent 1000, returned 1000, lost 0, changed or twice 0",
            await far.RunAsync(
                $"""
                $peer datagrams {Plain} 7
                far $peer datagrams {Plain} 7
                far $peer echo $name {FarMac} {FramesMac} 1000
                """));
        Assert.Equal("625000,50000", await server.Dom0Async($"xenstore-read $home/backend/vif/{frames.Id}/0/rate"));

        // Over TCP. The Xenlet takes neither frames of many segments nor blank checksums; Linux takes both, and sends both or none.
        await SendAsync(far, "off");
        await SendAsync(far, "on");
        await SendStraightAsync(server, far);
        await AssertHeldToItsRateAsync(server, far, $"$home/backend/vif/{frames.Id}/1/rate");

        await AssertHeldToItsAddressAsync(server, far);
        XenUse connected = await XenUse.ReadAsync(world.Machine);
        Assert.True(connected.Grants > before.Grants && connected.Channels > before.Channels, $"{connected}, and before {before}");
        await far.EndAsync();
        Assert.Contains("mapped: 6 pages, 0 stuck", await server.TellAsync(), StringComparison.Ordinal);
        await plain.ShutDownAsync();
        await frames.ShutDownAsync();
        await server.HasNoInterfaceAsync();
        Assert.Contains("mapped: 0 pages, 0 stuck", await server.TellAsync(), StringComparison.Ordinal);
        await server.EndAsync();
        await server.Dom0Async($"ip addr del {Dom0}/24 dev xenbr0");
        await before.ReturnsAsync(world.Machine);
    }

    /// <summary>Linux's front end and dom0 stream to the Xenlet, which sends all back, and give each other a file.</summary>
    private static async Task SendAsync(FarNamespace far, string features)
    {
        const string echoed = "all came back: True, the idle one works: True";
        string output = await far.RunAsync(
            $"""
            far $peer features $name {features}
            head -c 400000 /dev/urandom > /tmp/sent
            streams far {Plain}
            streams '' {Plain}
            serves far {Far} ''
            serves '' {Dom0} far
            """);
        Assert.Equal($"{echoed}\n{echoed}\nequal\nequal", output);
    }

    /// <summary>Both ends send and take large frames, which Xen copies from the pages of one into those of the other.</summary>
    private static async Task SendStraightAsync(NetworkServerGuest server, FarNamespace far)
    {
        const int mostRounds = 5;
        long toXenlet = 0;
        long toLinux = 0;

        // Linux chooses how large frames are by how fast they go, which depends on the machine: so it gets a least size.
        await far.RunAsync("far sh -c 'echo 32 > /proc/sys/net/ipv4/tcp_min_tso_segs'");
        for (int round = 0; round < mostRounds && (toXenlet == 0 || toLinux == 0); round++)
        {
            Assert.Equal("equal", await far.RunAsync(
                $"""
                far nc {Large} 7 < /tmp/sent > /tmp/received
                cmp /tmp/sent /tmp/received && echo equal
                """));
            toXenlet = await server.CountAsync("frames straight", LargeMac);
            toLinux = await server.CountAsync("frames straight", FarMac);
        }

        Assert.True(toXenlet > 0 && toLinux > 0, await server.TellAsync());
    }

    /// <summary>
    /// The Xenlet sends back what Linux sends, and may send next to nothing beyond the burst until it gets another rate. How much was due
    /// meanwhile is reckoned by the clock that counts it, which is read before the bytes and behind them: on a slow machine it is more.
    /// </summary>
    private static async Task AssertHeldToItsRateAsync(NetworkServerGuest server, FarNamespace far, string rate)
    {
        const int bytesPerSecond = 1000;
        const int burst = 128 << 10;
        await far.RunAsync($"xenstore-write {rate} {bytesPerSecond},1000000");
        await server.ReachesAsync(1000, "ms", LargeMac);
        long from = await server.CountAsync("ms", "clock: ");
        long before = await server.CountAsync("bytes", LargeMac);
        await far.RunAsync($"far nc {Large} 7 < /tmp/sent > /tmp/received & echo $! > /tmp/held");
        await server.ReachesAsync(before + burst, "bytes", LargeMac);

        // Others are not held up, and give it the time to send more.
        await far.RunAsync($"for i in $(seq 10); do far ping -c 1 -W 60 -s 1000 {Plain} > /dev/null; done");
        long sent = await server.CountAsync("bytes", LargeMac) - before;
        long elapsed = await server.CountAsync("ms", "clock: ") - from;
        Assert.InRange(sent, burst, burst + ushort.MaxValue + (bytesPerSecond * (elapsed + 1000) / 1000));

        Assert.Equal("equal", await far.RunAsync(
            $"""
            xenstore-write {rate} 1000000000,50000
            while kill -0 $(cat /tmp/held) 2> /dev/null; do usleep 50000; done
            cmp /tmp/sent /tmp/received && echo equal
            rm /tmp/held
            """));
    }

    private static async Task AssertHeldToItsAddressAsync(NetworkServerGuest server, FarNamespace far)
    {
        const string under = "under a wrong address";
        long before = await server.CountAsync(under);
        await far.RunAsync(
            $$"""
            becomes() { far ip link set $name down && far ip link set $name address $1 && far ip link set $name up; }
            becomes 00:16:3e:55:00:99
            far ping -c 1 -W 1 {{Plain}} > /dev/null && exit 1
            becomes {{FarMac}}
            far ping -c 1 -W 60 {{Plain}} > /dev/null
            """);
        Assert.InRange(await server.CountAsync(under), before + 1, before + 100);
    }
}
