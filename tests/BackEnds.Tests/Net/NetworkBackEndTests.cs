using System.Globalization;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>Interfaces of our own network back end with our own network front end, and the tool stack's part of their lives.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class NetworkBackEndTests : IAsyncLifetime
{
    private static readonly int[] Lengths =
        [14, 15, 60, 1514, 4095, 4096, 4097, 8192, 9014, 65_535, .. Enumerable.Range(0, 200).Select(i => 14 + (i * 61 % 3000))];

    private NetworkHost _host = null!;

    public async Task InitializeAsync() => _host = await NetworkHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Frames_of_all_sizes_go_both_ways_with_one_event_channel_and_with_two(bool isSplit)
    {
        await using FrontBus front = await _host.StartFrontAsync(new() { SplitsEventChannels = isSplit });
        NetworkInterface network = await _host.ConnectAsync();
        Assert.Equal(isSplit ? 2 : 1, _host.Machine.Channels);
        Task sending = Task.Run(async () =>
        {
            foreach (int length in Lengths)
            {
                await network.SendAsync(NetworkHost.Frame(network, NetworkHost.Bytes(length, length)));
            }
        });
        foreach (int length in Lengths)
        {
            _host.Network.Deliver(NetworkHost.Bytes(-length, length));
        }

        foreach (int length in Lengths)
        {
            PortFrame sent = await _host.Network.ReceiveAsync();
            Assert.True(sent.Data.AsSpan().SequenceEqual(NetworkHost.Bytes(length, length)), $"the sent frame of {length} bytes");
            Assert.Equal((false, false, 0), (sent.IsChecksumBlank, sent.IsChecksumValidated, sent.SegmentSize));
            using FrameBuffer received = await NetworkHost.ReceiveAsync(network);
            Assert.True(received.Data.SequenceEqual(NetworkHost.Bytes(-length, length)), $"the received frame of {length} bytes");
            Assert.Equal((false, false, 0), (received.IsChecksumBlank, received.IsChecksumValidated, received.SegmentSize));
        }

        await sending;
    }

    [Fact]
    public async Task The_network_is_told_what_the_tool_stack_says_of_the_front_end()
    {
        await _host.AttachAsync(ip: "10.0.0.2/24 fd00::2");
        await _host.Device.UntilBackAsync(XenBusState.InitWait);
        NetworkPortRequest request = _host.Network.Request!;
        Assert.Equal((0, 0, MacAddress.Parse(NetworkHost.Mac), "lan"), (request.Domain, request.Handle, request.Address, request.Bridge));
        Assert.Equal(["10.0.0.2/24", "fd00::2/128"], request.Addresses.Select(address => address.ToString()));
        Assert.Equal("connected", await _host.Host.Dom0.ReadAsync(_host.Device.Back + "/hotplug-status"));
    }

    [Theory]
    [InlineData(false, SegmentKind.TcpV4)]
    [InlineData(true, SegmentKind.TcpV6)]
    public async Task Frames_that_stand_for_many_segments_and_blank_checksums_go_through_as_they_are(bool isIPv6, SegmentKind kind)
    {
        await using FrontBus front = await _host.StartFrontAsync();
        NetworkInterface network = await _host.ConnectAsync();
        byte[] large = TcpFrames.Make(isIPv6, 40_000);
        FrameBuffer frame = NetworkHost.Frame(network, large);
        frame.IsChecksumBlank = true;
        (frame.SegmentKind, frame.SegmentSize) = (kind, 1400);
        await network.SendAsync(frame);
        PortFrame sent = await _host.Network.ReceiveAsync();
        Assert.Equal((true, true, kind, 1400), (sent.IsChecksumBlank, sent.IsChecksumValidated, sent.SegmentKind, sent.SegmentSize));
        Assert.Equal(large, sent.Data);

        _host.Network.Deliver(large, isChecksumBlank: true, kind: kind, segmentSize: 1400);
        byte[] udp = Packets.Udp(isIPv6, new byte[99]);
        _host.Network.Deliver(udp, isChecksumBlank: true);
        _host.Network.Deliver(udp, isChecksumValidated: true);
        (bool IsBlank, bool IsValidated, SegmentKind Kind, int Size)[] expected =
            [(true, true, kind, 1400), (true, true, SegmentKind.None, 0), (false, true, SegmentKind.None, 0)];
        foreach ((bool IsBlank, bool IsValidated, SegmentKind Kind, int Size) one in expected)
        {
            using FrameBuffer received = await NetworkHost.ReceiveAsync(network);
            Assert.Equal(
                one, (received.IsChecksumBlank, received.IsChecksumValidated, received.SegmentKind, received.SegmentSize));
            Assert.Equal(one.Size > 0 ? large : udp, received.Data.ToArray());
        }
    }

    [Theory]
    [InlineData(false, SegmentKind.TcpV4, true)]
    [InlineData(false, SegmentKind.TcpV4, false)]
    [InlineData(true, SegmentKind.TcpV6, true)]
    [InlineData(true, SegmentKind.TcpV6, false)]
    public async Task A_front_end_without_segmentation_gets_segments_and_one_without_checksums_complete_ones(
        bool isIPv6, SegmentKind kind, bool takesBlankChecksums)
    {
        await using FrontBus front = await _host.StartFrontAsync(
            new() { TakesLargeSegments = false, TakesBlankChecksums = takesBlankChecksums });
        NetworkInterface network = await _host.ConnectAsync();
        byte[] large = TcpFrames.Make(isIPv6, 40_000);
        _host.Network.Deliver(large, isChecksumBlank: true, kind: kind, segmentSize: 1400);
        List<byte> data = [];
        for (int i = 0; i < 29; i++)
        {
            using FrameBuffer segment = await NetworkHost.ReceiveAsync(network);
            Assert.Equal((false, true, 0), (segment.IsChecksumBlank, segment.IsChecksumValidated, segment.SegmentSize));
            Assert.True(InternetChecksum.IsRight(segment.Data), $"the checksum of segment {i}");
            Assert.Equal(TcpFrames.HeaderSize(isIPv6) + (i < 28 ? 1400 : 800), segment.Length);
            data.AddRange(segment.Data[TcpFrames.HeaderSize(isIPv6)..]);
        }

        Assert.True(data.SequenceEqual(large[TcpFrames.HeaderSize(isIPv6)..]), "the segments' data");

        byte[] udp = Packets.Udp(isIPv6, NetworkHost.Bytes(3, 99));
        byte[] blank = [.. udp];
        Assert.True(InternetChecksum.TryFillPseudoHeader(blank));
        _host.Network.Deliver(blank, isChecksumBlank: true);
        using FrameBuffer datagram = await NetworkHost.ReceiveAsync(network);
        Assert.Equal((takesBlankChecksums, true), (datagram.IsChecksumBlank, datagram.IsChecksumValidated));
        Assert.Equal(takesBlankChecksums ? blank : udp, datagram.Data.ToArray());
    }

    [Fact]
    public async Task A_front_end_that_filters_gets_the_multicast_frames_that_it_has_joined_and_all_others()
    {
        MacAddress group = MacAddress.Parse("01:00:5e:00:00:01");
        byte[] mark = [0, 0x16, 0x3E, 0x12, 0x34, 0x56, .. NetworkHost.Bytes(1, 60)];
        byte[] multicast = [1, 0, 0x5E, 0, 0, 1, .. NetworkHost.Bytes(2, 60)];
        byte[] broadcast = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, .. NetworkHost.Bytes(3, 60)];
        await using FrontBus front = await _host.StartFrontAsync(new() { FiltersMulticast = true });
        NetworkInterface network = await _host.ConnectAsync();
        foreach ((bool? joins, byte[][] expected) in ((bool?, byte[][])[])[
            (null, [broadcast, mark]), (true, [multicast, broadcast, mark]), (false, [broadcast, mark])])
        {
            if (joins is { } join)
            {
                await (join ? network.JoinMulticastAsync(group) : network.LeaveMulticastAsync(group));

                // The back end takes the ring's requests in their order.
                await network.SendAsync(NetworkHost.Frame(network, mark));
                Assert.Equal(mark, (await _host.Network.ReceiveAsync()).Data);
            }

            _host.Network.Deliver(multicast);
            _host.Network.Deliver(broadcast);
            _host.Network.Deliver(mark);
            foreach (byte[] one in expected)
            {
                using FrameBuffer received = await NetworkHost.ReceiveAsync(network);
                Assert.Equal(one, received.Data.ToArray());
            }
        }
    }

    /// <summary>By the rate of the tool stack, and by another that it writes later. What may not be sent yet stays in the ring.</summary>
    [Fact]
    public async Task A_front_end_sends_no_faster_than_its_rate()
    {
        await using FrontBus front = await _host.StartFrontAsync(new() { SplitsEventChannels = false });
        await _host.AttachAsync(rate: "65536,3600000000");
        NetworkInterface network = await _host.WaitForAsync();
        for (int i = 0; i < 4; i++)
        {
            await network.SendAsync(NetworkHost.Frame(network, NetworkHost.Bytes(i, 65_000)));
        }

        // 128 KiB at once are a debt after the third.
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(NetworkHost.Bytes(i, 65_000), (await _host.Network.ReceiveAsync()).Data);
        }

        // What it receives has no limit, though both rings have one event channel.
        for (int i = 0; i < 600; i++)
        {
            _host.Network.Deliver(NetworkHost.Bytes(i, 60));
            (await NetworkHost.ReceiveAsync(network)).Dispose();
        }

        Assert.Equal(0, _host.Network.Waiting);
        await _host.Host.Dom0.WriteAsync(_host.Device.Back + "/rate", "never");
        await _host.Device.ErrorAsync("which is no rate");
        Assert.Equal(0, _host.Network.Waiting);
        await _host.Host.Dom0.WriteAsync(_host.Device.Back + "/rate", "1000000000,50000");
        Assert.Equal(NetworkHost.Bytes(3, 65_000), (await _host.Network.ReceiveAsync()).Data);
    }

    [Fact]
    public async Task A_detach_in_the_middle_of_traffic_leaves_nothing_and_the_next_interface_is_served()
    {
        await using FrontBus front = await _host.StartFrontAsync();
        NetworkInterface network = await _host.ConnectAsync();
        using CancellationTokenSource ended = new();
        Task sending = Task.Run(async () =>
        {
            while (!ended.IsCancellationRequested)
            {
                network.TrySend(NetworkHost.Frame(network, NetworkHost.Bytes(1, 6000)));
                FrameBuffer other = _host.Network.Frames.Rent(6000);
                other.Length = 6000;
                _host.Network.FrontEnd?.Send(other);
                await Task.Delay(1);
            }
        });
        await _host.Network.ReceiveAsync();
        (await NetworkHost.ReceiveAsync(network)).Dispose();
        await _host.Device.DetachAsync();
        await _host.Device.UntilBackAsync(XenBusState.Closed);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
        await _host.Device.UntilBackAsync(null);
        await ended.CancelAsync();
        await sending;
        await _host.Host.UntilAsync(() => _host.BackBus.Devices.Count == 0);
        Assert.Null(_host.Network.FrontEnd);

        await _host.Host.Dom0.RemoveAsync(_host.Device.Front);
        await _host.Host.UntilAsync(() => front.Devices.Count == 0);
        while (_host.Network.Waiting > 0)
        {
            await _host.Network.ReceiveAsync();
        }

        network = await _host.ConnectAsync();
        await network.SendAsync(NetworkHost.Frame(network, NetworkHost.Bytes(7, 77)));
        Assert.Equal(NetworkHost.Bytes(7, 77), (await _host.Network.ReceiveAsync()).Data);
    }

    [Fact]
    public async Task A_front_end_that_starts_again_without_having_closed_is_served_again()
    {
        FrontBus front = await _host.StartFrontAsync();
        await _host.ConnectAsync();
        await front.DisposeAsync();
        await _host.Host.Dom0.WriteAsync(_host.Device.Front + "/state", 1);
        await _host.Device.UntilBackAsync(XenBusState.InitWait);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));
        await using FrontBus next = await _host.StartFrontAsync(new() { SplitsEventChannels = false });
        NetworkInterface network = await _host.WaitForAsync();
        _host.Network.Deliver(NetworkHost.Bytes(7, 77));
        using FrameBuffer received = await NetworkHost.ReceiveAsync(network);
        Assert.Equal(NetworkHost.Bytes(7, 77), received.Data.ToArray());
    }

    [Theory]
    [InlineData("none", "10.0.0.2", null, null, "mac holds 'none'")]
    [InlineData(NetworkHost.Mac, "10.0.0.256", null, null, "ip has '10.0.0.256'")]
    [InlineData(NetworkHost.Mac, "10.0.0.2", "1000", null, "rate holds '1000'")]
    [InlineData(NetworkHost.Mac, "10.0.0.2", "0,50000", null, "rate holds '0,50000'")]
    [InlineData(NetworkHost.Mac, "10.0.0.2", "1000,", null, "rate holds '1000,'")]
    [InlineData(NetworkHost.Mac, "10.0.0.2", null, "no network is called lan", "no network is called lan")]
    public async Task An_interface_that_cannot_be_served_says_why_and_can_be_taken_away(
        string mac, string ip, string? rate, string? refusal, string error)
    {
        _host.Network.Refusal = refusal is null ? null : new InvalidOperationException(refusal);
        await _host.AttachAsync(mac, ip, rate);
        await _host.Device.ErrorAsync(error);
        Assert.Equal("error", await _host.Host.Dom0.ReadAsync(_host.Device.Back + "/hotplug-status"));
        await _host.Device.DetachAsync();
        await _host.Device.UntilBackAsync(null);
    }

    /// <summary>Values that a front end may write, of which none gets it a connection, nor anything else.</summary>
    [Theory]
    [InlineData("request-rx-copy", null, "no request-rx-copy")]
    [InlineData("request-rx-copy", "0", "no request-rx-copy")]
    [InlineData("request-rx-copy", "yes", "request-rx-copy is 'yes'")]
    [InlineData("tx-ring-ref", null, "no tx-ring-ref")]
    [InlineData("rx-ring-ref", null, "no rx-ring-ref")]
    [InlineData("rx-ring-ref", "77777", "grant 77777 of domain 0 cannot be mapped")]
    [InlineData("tx-ring-ref", "4294967296", "tx-ring-ref is '4294967296'")]
    [InlineData("event-channel", null, "no event-channel")]
    [InlineData("event-channel", "99", "binding port 99")]
    [InlineData("event-channel-tx", "1", "no event-channel-rx")]
    [InlineData("event-channel-rx", "99", "binding port 99")]
    [InlineData("protocol", "x86_32-abi", "protocol is 'x86_32-abi'")]
    [InlineData("feature-sg", "-1", "feature-sg is '-1'")]
    public async Task A_front_end_that_offers_nonsense_is_refused_and_may_come_again(string name, string? value, string error)
    {
        XenStoreClient dom0 = _host.Host.Dom0;
        await _host.AttachAsync();
        await _host.Device.UntilBackAsync(XenBusState.InitWait);
        using ISharedPage transmit = _host.FrontMachine.Allocate();
        using ISharedPage receive = _host.FrontMachine.Allocate();
        using IEventChannel channel = _host.FrontMachine.AllocateUnbound((ushort)Host.Guest);
        Dictionary<string, string> nodes = new()
        {
            ["request-rx-copy"] = "1",
            ["tx-ring-ref"] = transmit.Grant((ushort)Host.Guest).Reference.ToString(CultureInfo.InvariantCulture),
            ["rx-ring-ref"] = receive.Grant((ushort)Host.Guest).Reference.ToString(CultureInfo.InvariantCulture),
            ["event-channel"] = channel.Port.ToString(CultureInfo.InvariantCulture),
        };
        _ = value is null ? nodes.Remove(name) : (nodes[name] = value) == value;
        if (name == "event-channel-rx")
        {
            // The back end has bound to the first of two by then.
            nodes["event-channel-tx"] = nodes["event-channel"];
        }

        foreach ((string node, string text) in nodes)
        {
            await dom0.WriteAsync($"{_host.Device.Front}/{node}", text);
        }

        await dom0.WriteAsync(_host.Device.Front + "/state", (long)XenBusState.Connected);
        await _host.Device.UntilBackAsync(XenBusState.Closed);
        await _host.Device.ErrorAsync(error);
        Assert.Equal((0, 0), (_host.Machine.Mapped, _host.Machine.Channels));

        foreach (string node in nodes.Keys.Append(name))
        {
            await dom0.TryRemoveAsync($"{_host.Device.Front}/{node}");
        }

        await dom0.WriteAsync(_host.Device.Front + "/state", 1);
        await _host.Device.UntilBackAsync(XenBusState.InitWait);
        await using FrontBus front = await _host.StartFrontAsync();
        NetworkInterface network = await _host.WaitForAsync();
        await network.SendAsync(NetworkHost.Frame(network, NetworkHost.Bytes(7, 77)));
        Assert.Equal(NetworkHost.Bytes(7, 77), (await _host.Network.ReceiveAsync()).Data);
    }
}
