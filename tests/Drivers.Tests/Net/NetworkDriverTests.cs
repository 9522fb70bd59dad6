using System.Collections.Concurrent;
using Xenlet.Net;
using Xenlet.XenBus;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>The network front end against an honest back end: what they agree on, states, suspend, unplugging.</summary>
public sealed class NetworkDriverTests
{
    [Fact]
    public async Task What_the_ends_agree_on_is_in_the_store_before_the_front_end_is_connected()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        Assert.Equal("vif0", network.Name);
        Assert.Equal(NetBackEnd.Mac, network.Address.ToString());
        Assert.Equal(1500, network.Mtu);
        Assert.True(network.IsUp);
        Assert.Equal(
            NetworkOffloads.ChecksumV4 | NetworkOffloads.ChecksumV6 | NetworkOffloads.SegmentTcpV4 | NetworkOffloads.SegmentTcpV6,
            network.Offloads);
        Assert.Equal(1, network.Statistics.Connections);
        Assert.Same(network, Assert.Single(world.Driver.Interfaces));
        foreach (string node in (string[])["request-rx-copy", "feature-rx-notify", "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
            "feature-ipv6-csum-offload"])
        {
            Assert.Equal("1", back.Nodes[node]);
        }

        Assert.Equal("0", back.Nodes["feature-no-csum-offload"]);
        Assert.Equal("0", back.Nodes["request-multicast-control"]);
        Assert.NotEqual(back.Nodes["event-channel-tx"], back.Nodes["event-channel-rx"]);
        Assert.False(back.Nodes.ContainsKey("event-channel"));
        Assert.Equal(256u, back.Receive.RequestProducer);
    }

    [Fact]
    public async Task A_back_end_with_nothing_but_copying_gets_one_channel_no_chains_and_whole_checksums()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync(
            features: new Dictionary<string, string> { ["feature-rx-copy"] = "1", ["feature-no-csum-offload"] = "1" });
        Assert.Equal(back.Nodes["event-channel"], back.TransmitChannel.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(NetworkOffloads.None, network.Offloads);
        Assert.Equal(4096, network.MaximumFrameLength);

        Assert.False(network.TrySend(NetWorld.Frame(network, new byte[4097])));
        FrameBuffer large = NetWorld.Frame(network, new byte[4000]);
        (large.SegmentKind, large.SegmentSize) = (SegmentKind.TcpV4, 1460);
        Assert.False(network.TrySend(large));
        Assert.Equal(2, network.Statistics.SendUnsupportedDrops);

        byte[] datagram = Packets.Udp(ipv6: false, NetWorld.Bytes(1, 101));
        FrameBuffer blank = NetWorld.Frame(network, datagram);
        InternetChecksum.TryFillPseudoHeader(blank.Data);
        blank.IsChecksumBlank = true;
        Assert.True(network.TrySend(blank));
        SentFrame sent = Assert.Single(await back.TakeSentAsync(1));
        Assert.Equal(0, sent.Flags);
        Assert.Equal(datagram, sent.Data);
        Assert.Equal(1, network.Statistics.ChecksumsFilled);

        // Both rings share the channel.
        Assert.True(back.TryDeliver(NetWorld.Bytes(2, 60)));
        Assert.Equal(NetWorld.Bytes(2, 60), await NetWorld.ReceiveAsync(network));
    }

    [Fact]
    public async Task Options_turn_off_what_the_program_does_not_want()
    {
        await using NetWorld world = await NetWorld.StartAsync(
            new NetworkOptions { TakesBlankChecksums = false, SplitsEventChannels = false, ReceivePages = 20 });
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync();
        Assert.True(back.Nodes.ContainsKey("event-channel"));
        Assert.Equal("1", back.Nodes["feature-no-csum-offload"]);
        Assert.Equal("0", back.Nodes["feature-ipv6-csum-offload"]);
        Assert.Equal("0", back.Nodes["feature-gso-tcpv4"]);
        Assert.Equal(20u, back.Receive.RequestProducer);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_domain_ends_the_interface_is_closed_after_its_last_frames_were_taken_or_a_second_later(bool answers)
    {
        ManualClock clock = new();
        NetWorld world = await NetWorld.StartAsync(new() { TimeProvider = clock });
        Task late;
        await using (world)
        {
            (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
            Assert.True(network.TrySend(NetWorld.Frame(network, NetWorld.Bytes(1, 100)), hasMore: true));
            Task<ShutdownReport> end = world.Bus.ShutdownAsync();
            await world.Host.UntilAsync(() => clock.Timers > 0);

            // Nothing else would have notified the back end of a frame that others were to follow.
            Assert.True(back.Transmit.TryTake(out TransmitRequest request), "the last frame was not shown to the back end");
            late = network.SendAsync(NetWorld.Frame(network, NetWorld.Bytes(2, 100))).AsTask();
            clock.Advance(TimeSpan.FromMilliseconds(5));
            await world.Host.UntilAsync(() => clock.Timers > 0);
            Assert.Equal(XenBusState.Connected, await world.Host.FrontStateAsync(back.Name));
            if (answers)
            {
                back.Transmit.Put(new() { Id = request.Id });
                back.Transmit.Publish();
            }

            clock.Advance(answers ? TimeSpan.FromMilliseconds(5) : TimeSpan.FromSeconds(1));
            await back.FrontBecomesAsync(XenBusState.Closing);
            await back.SetStateAsync(XenBusState.Closing);
            await back.FrontBecomesAsync(XenBusState.Closed);
            await back.SetStateAsync(XenBusState.Closed);
            ShutdownReport report = await end.WaitAsync(NetWorld.Patience);
            Assert.True(report.IsComplete, report.ToString());
            Assert.False(late.IsCompleted, "threads of a program that is over are told nothing");
            Assert.False(back.Transmit.TryTake(out _), "a frame was sent after the end");
        }

        await Assert.ThrowsAsync<NetworkInterfaceGoneException>(() => late.WaitAsync(NetWorld.Patience));
    }

    [Fact]
    public async Task A_back_end_that_would_exchange_pages_is_refused_with_a_message()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        NetBackEnd back = new(world.Host, world.Machine);
        await back.AddAsync(new Dictionary<string, string> { ["feature-rx-flip"] = "1" });
        await back.FrontBecomesAsync(XenBusState.Closed);
        await world.Host.SeesAsync("the back end has no feature-rx-copy");
        await world.Host.HasErrorAsync("vif/0", "feature-rx-copy");
        await world.NothingIsLeftAsync();
    }

    [Theory]
    [InlineData("feature-sg", "many")]
    [InlineData("multi-queue-max-queues", "99999999999999999999")]
    public async Task A_back_end_whose_nodes_hold_no_numbers_is_refused(string node, string value)
    {
        await using NetWorld world = await NetWorld.StartAsync();
        NetBackEnd back = new(world.Host, world.Machine);
        await back.AddAsync(new Dictionary<string, string>(NetBackEnd.LinuxFeatures) { [node] = value });
        await back.FrontBecomesAsync(XenBusState.Closed);
        await world.Host.SeesAsync("cannot be connected", node);
        await world.NothingIsLeftAsync();
    }

    [Fact]
    public async Task An_interface_without_an_address_is_closed_with_a_message_and_others_work()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        NetBackEnd bad = new(world.Host, world.Machine, "vif/1");
        await bad.AddAsync(mac: "00:16:3e:12:34");
        await bad.FrontBecomesAsync(XenBusState.Closed);
        await world.Host.SeesAsync("vif/1", "no Ethernet address");
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        Assert.True(back.TryDeliver(NetWorld.Bytes(1, 60)));
        await NetWorld.ReceiveAsync(network);
    }

    [Fact]
    public async Task Several_queues_are_refused_and_said_so()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync(
            features: new Dictionary<string, string>(NetBackEnd.LinuxFeatures) { ["multi-queue-max-queues"] = "4" });
        await world.Host.SeesAsync("one queue of the 4 offered since there is one processor");
        Assert.False(back.Nodes.ContainsKey("multi-queue-num-queues"));
        Assert.True(back.Nodes.ContainsKey("tx-ring-ref"));
    }

    [Fact]
    public async Task The_mtu_is_what_the_tool_stack_says_and_changes_with_it()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync(
            features: new Dictionary<string, string>(NetBackEnd.LinuxFeatures) { ["mtu"] = "9000" });
        Assert.Equal(9000, network.Mtu);
        await world.Host.Dom0.WriteAsync(back.Front + "/mtu", 1400);
        await world.Host.UntilAsync(() => network.Mtu == 1400);
        await world.Host.Dom0.WriteAsync(back.Front + "/mtu", "-5");
        await world.Host.SeesAsync("its MTU is out of range");
        await world.Host.UntilAsync(() => network.Mtu == 1500);
    }

    [Fact]
    public async Task A_back_end_that_closes_twice_and_opens_again_finds_the_same_interface()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        ConcurrentQueue<NetworkState> states = new();
        network.StateChanged += (_, change) => states.Enqueue(change.State);
        for (int round = 0; round < 3; round++)
        {
            foreach (XenBusState state in (XenBusState[])[XenBusState.Closing, XenBusState.Closed, XenBusState.Closing, XenBusState.Closed])
            {
                await back.SetStateAsync(state);
            }

            await back.FrontBecomesAsync(XenBusState.Closed);
            await world.BecomesAsync(network, NetworkState.Closed);
            Assert.False(network.TrySend(NetWorld.Frame(network, new byte[60])));
            back.Unmap();
            await world.NothingIsLeftAsync();
            await back.SetStateAsync(XenBusState.InitWait);
            await back.ConnectAsync();
            await world.BecomesAsync(network, NetworkState.Up);
            Assert.True(back.TryDeliver(NetWorld.Bytes(round, 99)));
            Assert.Equal(NetWorld.Bytes(round, 99), await NetWorld.ReceiveAsync(network));
        }

        Assert.Equal(3, network.Statistics.SendLinkDrops);
        Assert.Equal(4, network.Statistics.Connections);
        await world.Host.UntilAsync(() => states.Count(state => state == NetworkState.Up) == 3);
    }

    [Fact]
    public async Task An_interface_that_is_taken_away_ends_its_readers_and_senders_and_leaves_nothing()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        (NetworkInterface other, NetBackEnd otherBack) = await world.PlugAsync("1");
        Assert.True(back.TryDeliver(NetWorld.Bytes(1, 60)));
        await world.Host.UntilAsync(() => network.WaitingFrames == 1);
        Task sending = SendForEverAsync(network);
        await world.Host.UntilAsync(() => network.Statistics.SendWaits > 0);
        await world.Host.RemoveAsync("vif/0");
        await world.BecomesAsync(network, NetworkState.Gone);
        await Assert.ThrowsAsync<NetworkInterfaceGoneException>(() => sending.WaitAsync(NetWorld.Patience));
        await NetWorld.ReceiveAsync(network);
        await Assert.ThrowsAsync<NetworkInterfaceGoneException>(() => NetWorld.ReceiveAsync(network));
        await world.Host.UntilAsync(() => world.Driver.Interfaces.Count == 1);

        // A page that the back end has mapped is not used for anything else until it is unmapped.
        Assert.NotEqual(0, world.Machine.HeldPages);
        back.Unmap();
        Assert.Equal(0, world.Machine.HeldPages);
        Assert.True(other.TrySend(NetWorld.Frame(other, NetWorld.Bytes(3, 70))));
        Assert.Equal(NetWorld.Bytes(3, 70), Assert.Single(await otherBack.TakeSentAsync(1)).Data);
        await world.Host.RemoveAsync("vif/1");
        otherBack.Unmap();
        await world.NothingIsLeftAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_resume_everything_is_connected_anew_and_senders_have_waited(bool elsewhere)
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { FiltersMulticast = true });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        MacAddress group = MacAddress.Parse("33:33:00:00:00:01");
        await network.JoinMulticastAsync(group);
        await world.Host.UntilAsync(() => back.TakeSent().Count == 0 && back.Multicast.ContainsKey(group));
        ConcurrentQueue<NetworkState> states = new();
        network.StateChanged += (_, change) => states.Enqueue(change.State);
        Task sending = null!;
        await world.Host.SuspendAsync(
            async () =>
            {
                // A thread that the suspend interrupted sends when it continues.
                sending = network.SendAsync(NetWorld.Frame(network, NetWorld.Bytes(5, 555))).AsTask();
                world.Machine.Resume();
                back.Unmap();
                if (!elsewhere)
                {
                    await world.Host.RemoveAsync("vif/0");
                }

                back = new(world.Host, world.Machine);
                await back.AddAsync();
            },
            elsewhere);
        await back.ConnectAsync();
        await world.BecomesAsync(network, NetworkState.Up);
        Assert.Equal(NetWorld.Bytes(5, 555), Assert.Single(await back.TakeSentAsync(1)).Data);
        await sending.WaitAsync(NetWorld.Patience);
        Assert.True(back.Multicast.ContainsKey(group));
        Assert.True(back.TryDeliver(NetWorld.Bytes(6, 1514)));
        Assert.Equal(NetWorld.Bytes(6, 1514), await NetWorld.ReceiveAsync(network));
        // The handlers are called after the state has changed.
        await world.Host.UntilAsync(() => states.Count >= 2);
        Assert.Equal([NetworkState.Connecting, NetworkState.Up], states);
        Assert.Equal(2, network.Statistics.Connections);
    }

    [Fact]
    public async Task A_cancelled_suspend_leaves_the_connection_as_it_was()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        Task sending = null!;
        await world.Host.CancelSuspendAsync(() =>
        {
            sending = network.SendAsync(NetWorld.Frame(network, NetWorld.Bytes(5, 555))).AsTask();
            Assert.True(back.TryDeliver(NetWorld.Bytes(6, 66)));
            return Task.CompletedTask;
        });
        await sending.WaitAsync(NetWorld.Patience);
        Assert.Equal(NetWorld.Bytes(5, 555), Assert.Single(await back.TakeSentAsync(1)).Data);
        Assert.Equal(NetWorld.Bytes(6, 66), await NetWorld.ReceiveAsync(network));
        Assert.Equal(1, network.Statistics.Connections);
    }

    [Fact]
    public async Task Multicast_is_asked_for_only_where_the_option_and_the_back_end_allow_it()
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { FiltersMulticast = true });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        Assert.Equal("1", back.Nodes["request-multicast-control"]);
        MacAddress one = MacAddress.Parse("01:00:5e:00:00:fb");
        await network.JoinMulticastAsync(one);
        await network.JoinMulticastAsync(one);
        await world.Host.UntilAsync(() => back.TakeSent().Count == 0 && back.Multicast.ContainsKey(one));
        await network.LeaveMulticastAsync(one);
        await world.Host.UntilAsync(() => back.TakeSent().Count == 0 && back.Multicast.IsEmpty);
        await Assert.ThrowsAsync<ArgumentException>(() => network.JoinMulticastAsync(MacAddress.Broadcast).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => network.JoinMulticastAsync(network.Address).AsTask());

        (NetworkInterface plain,
            NetBackEnd plainBack) = await world.PlugAsync("1", new Dictionary<string, string> { ["feature-rx-copy"] = "1" });
        Assert.Equal("0", plainBack.Nodes["request-multicast-control"]);
        await plain.JoinMulticastAsync(one);
        Assert.Empty(plainBack.TakeSent());
    }

    [Fact]
    public async Task A_join_that_waits_for_room_in_the_ring_does_not_keep_the_connection_from_ending_and_is_told_to_the_next_back_end()
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { FiltersMulticast = true });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        while (network.TrySend(NetWorld.Frame(network, new byte[60])))
        {
        }

        MacAddress group = MacAddress.Parse("33:33:00:00:00:01");
        Task join = network.JoinMulticastAsync(group).AsTask();
        await back.SetStateAsync(XenBusState.Closed);
        await back.FrontBecomesAsync(XenBusState.Closed);
        await join.WaitAsync(TimeSpan.FromSeconds(60));
        back.Unmap();
        await back.SetStateAsync(XenBusState.InitWait);
        await back.ConnectAsync();
        await world.Host.UntilAsync(() => back.TakeSent().Count == 0 && back.Multicast.ContainsKey(group));
    }

    [Fact]
    public async Task What_the_store_says_of_a_device_reaches_a_console_as_one_line_without_commands()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        NetBackEnd back = new(world.Host, world.Machine);
        await back.AddAsync(mac: "\u001b[2J\nxenlet: exit 0");
        await world.Host.SeesAsync("vif/0", "the node mac holds '\\x1b[2J\\x0axenlet: exit 0'");
        Assert.DoesNotContain(world.Host.Events, happened => happened.Text.Any(char.IsControl));
    }

    [Fact]
    public async Task Without_memory_for_its_pages_an_interface_is_closed_with_a_message_and_leaves_nothing()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        foreach (int limit in (int[])[0, 1, 2, 10, 21])
        {
            world.Machine.PageLimit = limit;
            NetBackEnd back = new(world.Host, world.Machine);
            await back.AddAsync();
            await back.FrontBecomesAsync(XenBusState.Closed);
            await world.Host.SeesAsync("vif/0", "cannot be connected");
            await world.NothingIsLeftAsync();
            await world.Host.RemoveAsync("vif/0");
            await world.Host.UntilAsync(() => world.Driver.Interfaces.Count == 0);
        }

        // With fewer pages than wanted it works with those.
        world.Machine.PageLimit = 2 + 40;
        (NetworkInterface network, NetBackEnd small) = await world.PlugAsync();
        Assert.Equal(40u, small.Receive.RequestProducer);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(small.TryDeliver(NetWorld.Bytes(i, 64)));
            Assert.Equal(NetWorld.Bytes(i, 64), await NetWorld.ReceiveAsync(network));
        }
    }

    private static async Task SendForEverAsync(NetworkInterface network)
    {
        while (true)
        {
            await network.SendAsync(NetWorld.Frame(network, new byte[1514]));
        }
    }
}
