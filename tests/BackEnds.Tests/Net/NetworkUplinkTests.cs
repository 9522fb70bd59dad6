using Xenlet.Drivers.Tests;
using Xenlet.Net;
using Xenlet.XenBus;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>
/// A switch whose uplink is a real front end; the test is the back end of that, as dom0 is, and a front end of the switch.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class NetworkUplinkTests : IAsyncLifetime
{
    private const ushort Blank = NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated;

    private readonly LearningSwitch _bridge = new();
    private readonly TestNetwork _guest = new();
    private NetWorld _world = null!;
    private IFramePort _input = null!;

    public async Task InitializeAsync()
    {
        _world = await NetWorld.StartAsync();
        _input = _bridge.Connect(new(1, 0, MacAddress.Parse("02:00:00:00:00:02"), [], ""), _guest);
    }

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task Frames_of_all_sizes_go_through_in_order_whatever_their_addresses()
    {
        (NetworkInterface network, NetBackEnd back) = await _world.PlugAsync();
        await using NetworkUplink uplink = new(_bridge, network);
        int[] lengths = [14, 60, 1514, 4096, 4097, 9014, 65_535];
        foreach (int length in lengths)
        {
            Send(FromGuest(length));
            Assert.Equal(FromGuest(length), Assert.Single(await back.TakeSentAsync(1)).Data);
            Assert.True(back.TryDeliver(ToGuest(length)));
            Assert.Equal(ToGuest(length), (await _guest.ReceiveAsync()).Data);
        }
    }

    /// <summary>What the uplink's back end gets of a frame that asks for work, by what it says that it can do.</summary>
    [Theory]
    [InlineData(false, "", Blank, 1)]
    [InlineData(true, "", Blank, 1)]
    [InlineData(false, "feature-gso-tcpv4", NetProtocol.TransmitDataValidated, 29)]
    [InlineData(true, "feature-gso-tcpv6", NetProtocol.TransmitDataValidated, 29)]
    [InlineData(false, "feature-gso-tcpv6", Blank, 1)]
    [InlineData(false, "feature-sg", NetProtocol.TransmitDataValidated, 29)]
    [InlineData(true, "feature-ipv6-csum-offload", NetProtocol.TransmitDataValidated, 29)]
    [InlineData(false, "feature-no-csum-offload", NetProtocol.TransmitDataValidated, 29)]
    public async Task A_frame_that_stands_for_segments_is_cut_if_the_interface_cannot(
        bool isIPv6, string changed, ushort flags, int frames)
    {
        (NetworkInterface network, NetBackEnd back) = await _world.PlugAsync(features: Features(changed));
        await using NetworkUplink uplink = new(_bridge, network);
        byte[] large = TcpFrames.Make(isIPv6, 40_000);
        Own(large);
        SegmentKind kind = isIPv6 ? SegmentKind.TcpV6 : SegmentKind.TcpV4;
        Send(large, isBlank: true, kind, 1400);
        List<SentFrame> sent = await back.TakeSentAsync(frames);
        Assert.All(sent, one => Assert.Equal((flags, frames == 1 ? 1400 : 0), (one.Flags & Blank, one.SegmentSize)));
        int headers = TcpFrames.HeaderSize(isIPv6);
        Assert.Equal(large[headers..], sent.SelectMany(one => one.Data[headers..]));
        Assert.All(sent, one => Assert.True(frames == 1 || InternetChecksum.IsRight(one.Data), "the checksum of a segment"));
    }

    [Theory]
    [InlineData(false, "", Blank)]
    [InlineData(true, "", Blank)]
    [InlineData(false, "feature-no-csum-offload", 0)]
    [InlineData(true, "feature-ipv6-csum-offload", 0)]
    public async Task A_blank_checksum_is_completed_if_the_interface_cannot(bool isIPv6, string changed, ushort flags)
    {
        (NetworkInterface network, NetBackEnd back) = await _world.PlugAsync(features: Features(changed));
        await using NetworkUplink uplink = new(_bridge, network);
        byte[] whole = Packets.Udp(isIPv6, NetworkHost.Bytes(1, 99));
        Own(whole);
        byte[] blank = [.. whole];
        Assert.True(InternetChecksum.TryFillPseudoHeader(blank));
        Send(blank, isBlank: true);
        SentFrame sent = Assert.Single(await back.TakeSentAsync(1));
        Assert.Equal(flags, sent.Flags & Blank);
        Assert.Equal(flags == 0 ? whole : blank, sent.Data);
    }

    /// <summary>Also where the other side has already completed the checksum, which no receiver of segments expects.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_frame_that_stands_for_segments_comes_in_with_a_blank_checksum(bool isBlank)
    {
        (NetworkInterface network, NetBackEnd back) = await _world.PlugAsync();
        await using NetworkUplink uplink = new(_bridge, network);
        byte[] large = TcpFrames.Make(isIPv6: false, 30_000);
        ToGuest(14).AsSpan(0, 12).CopyTo(large);
        byte[] sent = [.. large];
        Assert.True(isBlank || InternetChecksum.TryFill(sent));
        ushort flags = (ushort)(NetProtocol.ReceiveDataValidated | (isBlank ? NetProtocol.ReceiveChecksumBlank : 0));

        // One that cannot be cut is not passed on.
        Assert.True(back.TryDeliver(ToGuest(9000), flags, SegmentKind.TcpV4, 1400));
        Assert.True(back.TryDeliver(sent, flags, SegmentKind.TcpV6, 1400));
        Assert.True(back.TryDeliver(sent, flags, SegmentKind.TcpV4, 1400));
        PortFrame received = await _guest.ReceiveAsync();
        Assert.Equal((true, SegmentKind.TcpV4, 1400), (received.IsChecksumBlank, received.SegmentKind, received.SegmentSize));
        Assert.Equal(large, received.Data);
        Assert.EndsWith("2 received frames refused", uplink.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_more_frames_wait_for_a_full_ring_than_the_limit_and_those_go_out_in_order()
    {
        (NetworkInterface network, NetBackEnd back) = await _world.PlugAsync();
        await using NetworkUplink uplink = new(_bridge, network, new() { WaitingFrames = 8 });
        int count = 0;
        while (!uplink.ToString().Contains(", 5 dropped", StringComparison.Ordinal))
        {
            Send(FromGuest(60 + count++));
            await _world.Host.UntilAsync(() => network.Statistics.SentFrames == count || network.Statistics.SendWaits > 0);
        }

        List<SentFrame> sent = await back.TakeSentAsync(count - 5);
        Assert.Equal(Enumerable.Range(60, count - 5), sent.Select(one => one.Data.Length));
        Send(FromGuest(60));
        Assert.Equal(FromGuest(60), Assert.Single(await back.TakeSentAsync(1)).Data);
    }

    [Fact]
    public async Task An_uplink_whose_back_end_comes_again_goes_on()
    {
        (NetworkInterface network, NetBackEnd back) = await _world.PlugAsync();
        await using NetworkUplink uplink = new(_bridge, network);
        await back.SetStateAsync(XenBusState.Closed);
        await back.FrontBecomesAsync(XenBusState.Closed);
        back.Unmap();
        await back.SetStateAsync(XenBusState.InitWait);
        await back.ConnectAsync();
        await _world.BecomesAsync(network, NetworkState.Up);
        await ServesAsync(back);

        await _world.Host.SuspendAsync(
            async () =>
            {
                _world.Machine.Resume();
                back.Unmap();
                await _world.Host.RemoveAsync("vif/0");
                back = new(_world.Host, _world.Machine);
                await back.AddAsync();

                // What a front end sends meanwhile waits.
                Send(FromGuest(77));
            },
            elsewhere: false);
        await back.ConnectAsync();
        await _world.BecomesAsync(network, NetworkState.Up);
        Assert.Equal(FromGuest(77), Assert.Single(await back.TakeSentAsync(1)).Data);
        await ServesAsync(back);
        Assert.False(uplink.Completion.IsCompleted);
    }

    [Fact]
    public async Task An_uplink_that_is_unplugged_ends_and_the_next_one_serves()
    {
        (NetworkInterface network, NetBackEnd back) = await _world.PlugAsync();
        await using NetworkUplink uplink = new(_bridge, network);
        await ServesAsync(back);
        await _world.Host.RemoveAsync("vif/0");
        await uplink.Completion.WaitAsync(NetWorld.Patience);
        Assert.StartsWith("1 ports,", _bridge.ToString(), StringComparison.Ordinal);
        Send(FromGuest(60));
        back.Unmap();
        await _world.Host.UntilAsync(() => _world.Driver.Interfaces.Count == 0);

        (network, back) = await _world.PlugAsync();
        NetworkUplink next = new(_bridge, network);
        await ServesAsync(back);
        await next.DisposeAsync();
        Assert.True(network.TrySend(NetWorld.Frame(network, FromGuest(61))), "the interface is not free again");
        Assert.Equal(FromGuest(61), Assert.Single(await back.TakeSentAsync(1)).Data);
        Assert.StartsWith("1 ports,", _bridge.ToString(), StringComparison.Ordinal);
    }

    private static byte[] FromGuest(int length)
    {
        byte[] frame = NetworkHost.Bytes(length, length);
        new byte[] { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 2, 0x88, 0xB5 }.CopyTo(frame, 0);
        return frame;
    }

    private static byte[] ToGuest(int length)
    {
        byte[] frame = NetworkHost.Bytes(-length, length);
        new byte[] { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9, 0x88, 0xB5 }.CopyTo(frame, 0);
        return frame;
    }

    /// <summary>The frame comes from the front end of the switch and goes elsewhere.</summary>
    private static void Own(byte[] frame) => FromGuest(14).AsSpan(0, 12).CopyTo(frame);

    /// <summary>What Linux's netback offers, but for one feature that it does not have.</summary>
    private static Dictionary<string, string> Features(string changed)
    {
        Dictionary<string, string> features = new(NetBackEnd.LinuxFeatures);
        if (changed == "feature-no-csum-offload")
        {
            features[changed] = "1";
        }
        else
        {
            features.Remove(changed);
        }

        return features;
    }

    private void Send(byte[] data, bool isBlank = false, SegmentKind kind = SegmentKind.None, int segmentSize = 0)
    {
        FrameBuffer frame = _guest.Frames.Rent(data.Length);
        frame.Append(data);
        frame.IsChecksumBlank = isBlank;
        (frame.SegmentKind, frame.SegmentSize) = (kind, segmentSize);
        _input.Send(frame);
    }

    private async Task ServesAsync(NetBackEnd back)
    {
        Send(FromGuest(100));
        Assert.Equal(FromGuest(100), Assert.Single(await back.TakeSentAsync(1)).Data);
        Assert.True(back.TryDeliver(ToGuest(100)));
        Assert.Equal(ToGuest(100), (await _guest.ReceiveAsync()).Data);
    }
}
