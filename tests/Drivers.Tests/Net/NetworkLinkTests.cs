using Xenlet.Net;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>An interface as a link of a TCP/IP stack, with an honest back end.</summary>
public sealed class NetworkLinkTests
{
    private static readonly IReadOnlyDictionary<string, string> SharedChannel =
        NetBackEnd.LinuxFeatures.Where(feature => feature.Key != "feature-split-event-channels").ToDictionary();

    private static readonly int[] Lengths = [14, 60, 1514, 1920, 1921, 4097, 9014, 65_535];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Frames_of_any_size_come_and_go_unchanged_whether_the_channels_are_split_or_not(bool isSplit)
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync(features: isSplit ? null : SharedChannel);
        NetworkLink link = thread.Link;
        Assert.Equal((network.Name, network.Address, 1500), (link.Name, link.Address, link.Mtu));
        for (int round = 0; round < 20; round++)
        {
            foreach (int length in Lengths)
            {
                byte[] data = NetWorld.Bytes(round + length, length);
                Assert.True(link.TrySend(thread.Packet(data)), "there is room for one frame");
                link.Flush();
                Assert.Equal(data, Assert.Single(await back.TakeSentAsync(1)).Data);

                // The first slot of a large frame may hold its headers only, as netback's does.
                Assert.True(back.TryDeliver(data, partSize: length > 20_000 ? 4096 : Math.Min(4096, (length / 2) + 1)));
                PacketBuffer frame = await thread.ReceiveAsync();
                Assert.Equal(data, frame.Data.ToArray());
                frame.Return();
            }
        }

        Assert.Equal(0, thread.Pool.Rented);
        long frames = 20 * Lengths.Length;
        Assert.Equal((frames, frames), (network.Statistics.SentFrames, network.Statistics.ReceivedFrames));
        Assert.Equal(20L * Lengths.Sum(), network.Statistics.ReceivedBytes);
    }

    [Fact]
    public async Task A_payload_that_lies_elsewhere_is_copied_once_into_the_ring_and_one_that_fails_leaves_the_ring_as_it_was()
    {
        const int head = 54;
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread, TransmitPages = 32 });
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync();
        Assert.True(thread.Link.Gathers);
        int sent = 0;
        foreach (int length in Lengths.Where(length => length > head))
        {
            byte[] data = NetWorld.Bytes(length, length);
            PacketBuffer broken = Packet(data, new TestPayload(data) { FailsAt = length - head - 1 });
            Assert.Throws<InvalidOperationException>(() => thread.Link.TrySend(broken));
            broken.Return();

            TestPayload payload = new(data);
            PacketBuffer frame = Packet(data, payload);
            Assert.Equal(length, frame.Length);
            Assert.True(thread.Link.TrySend(frame), $"there is room for a frame of {length} bytes");
            thread.Link.Flush();
            Assert.Equal(data, Assert.Single(await back.TakeSentAsync(1)).Data);
            Assert.Equal(length - head, payload.Copied);
            sent++;
        }

        Assert.Equal(7, sent);
        Assert.Equal(0, thread.Pool.Rented);

        PacketBuffer Packet(byte[] data, TestPayload payload)
        {
            PacketBuffer packet = thread.Pool.Rent(data.Length);
            data.AsSpan(0, head).CopyTo(packet.Append(head));
            packet.AppendLater(payload, head, data.Length - head);
            return packet;
        }
    }

    [Fact]
    public async Task What_is_left_to_the_back_end_and_what_it_has_done_goes_with_the_frame()
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync();
        NetworkLink link = thread.Link;
        Assert.Equal(
            LinkOffloads.ChecksumIPv4 | LinkOffloads.ChecksumIPv6 | LinkOffloads.SegmentationIPv4 | LinkOffloads.SegmentationIPv6,
            link.Offloads);
        byte[] large = NetWorld.Bytes(1, 20_000);
        (large[12], large[13]) = (EtherType.IPv6 >> 8, EtherType.IPv6 & 0xFF);
        Assert.True(link.TrySend(thread.Packet(Packets.Udp(ipv6: true, new byte[33]), new(true, false, 0))));
        Assert.True(link.TrySend(thread.Packet(large, new(true, false, 1440))));
        Assert.Empty(back.TakeSent());
        link.Flush();
        List<SentFrame> sent = await back.TakeSentAsync(2);
        Assert.Equal(NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated, sent[0].Flags);
        Assert.Equal((SegmentKind.TcpV6, 1440), (sent[1].SegmentKind, sent[1].SegmentSize));
        Assert.Equal(large, sent[1].Data);

        Assert.True(back.TryDeliver(NetWorld.Bytes(2, 100), NetProtocol.ReceiveDataValidated));
        Assert.True(back.TryDeliver(NetWorld.Bytes(3, 30_000), NetProtocol.ReceiveChecksumBlank, SegmentKind.TcpV4, 1448));
        foreach (PacketOffload expected in (PacketOffload[])[new(false, true, 0), new(true, true, 1448)])
        {
            PacketBuffer frame = await thread.ReceiveAsync();
            Assert.Equal(expected, frame.Offload);
            frame.Return();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_full_ring_leaves_the_frame_with_the_stack_and_room_wakes_its_thread(bool isSplit)
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread, TransmitPages = 32 });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync(features: isSplit ? null : SharedChannel);
        for (int i = 0; i < 32; i++)
        {
            Assert.True(thread.Link.TrySend(thread.Packet(NetWorld.Bytes(i, 60))), $"frame {i} of 32");
        }

        PacketBuffer next = thread.Packet(NetWorld.Bytes(32, 60));
        Assert.False(thread.Link.TrySend(next));
        Assert.Equal((1, 60), (thread.Pool.Rented, next.Length));
        Task waiting = thread.UntilAsync(() => thread.Link.TrySend(next), "room");
        Assert.Equal(32, (await back.TakeSentAsync(32)).Count);
        await waiting;
        thread.Link.Flush();
        Assert.Equal(NetWorld.Bytes(32, 60), Assert.Single(await back.TakeSentAsync(1)).Data);
        Assert.Equal((0, 0L), (thread.Pool.Rented, network.Statistics.SendRingDrops));
    }

    [Fact]
    public async Task The_stack_hears_of_a_back_end_that_goes_and_comes_with_other_offloads_and_of_the_end()
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        NetworkLink link = thread.Link;
        await thread.UntilAsync(() => link.State == NetworkState.Up, "the first connection");
        Assert.Equal(1, link.Connections);
        Assert.Empty(link.Addresses);

        // Half of a frame is under way when the connection ends: its memory comes back.
        Assert.True(back.TryDeliver(NetWorld.Bytes(1, 1000), NetProtocol.ReceiveMoreData));
        Assert.Null(link.TryReceive(thread.Pool));
        Assert.Equal(1, thread.Pool.Rented);
        await back.SetStateAsync(XenBusState.Closing);
        await thread.UntilAsync(() => link.State == NetworkState.Closed, "the end of the connection");
        Assert.True(link.TrySend(thread.Packet(new byte[60])), "what is sent without a connection is lost");
        Assert.Equal(1, network.Statistics.SendLinkDrops);

        await back.FrontBecomesAsync(XenBusState.Closed);
        back.Unmap();
        await world.Host.Dom0.WriteAsync(back.Back + "/feature-no-csum-offload", "1");
        await world.Host.Dom0.WriteAsync(back.Back + "/mtu", "9000");
        await world.Host.Dom0.WriteAsync(back.Back + "/ip", "10.0.0.2 nonsense fd00::2/64");
        await back.SetStateAsync(XenBusState.InitWait);
        await back.ConnectAsync();
        await thread.UntilAsync(() => link.State == NetworkState.Up, "the second connection");
        Assert.Equal((2, 9000), (link.Connections, link.Mtu));
        Assert.Equal("10.0.0.2/32 fd00::2/64", string.Join(' ', link.Addresses));
        Assert.Equal(LinkOffloads.ChecksumIPv6 | LinkOffloads.SegmentationIPv6, link.Offloads);
        Assert.True(back.TryDeliver(NetWorld.Bytes(7, 60)));
        PacketBuffer frame = await thread.ReceiveAsync();
        Assert.Equal(NetWorld.Bytes(7, 60), frame.Data.ToArray());
        frame.Return();

        back.Unmap();
        await world.Host.RemoveAsync(back.Name);
        await thread.UntilAsync(() => link.State == NetworkState.Gone, "the end of the interface");
        Assert.Null(link.TryReceive(thread.Pool));
        Assert.True(link.TrySend(thread.Packet(new byte[60])), "what is sent to an interface that is gone is lost");
        Assert.Equal(0, thread.Pool.Rented);
        await world.NothingIsLeftAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_sent_while_the_domain_is_suspended_waits_and_the_stack_is_woken_when_it_can_leave(bool isCancelled)
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface _, NetBackEnd back) = await world.PlugAsync();
        NetworkLink link = thread.Link;
        PacketBuffer packet = thread.Packet(NetWorld.Bytes(5, 555));
        if (isCancelled)
        {
            await world.Host.CancelSuspendAsync(() =>
            {
                Assert.False(link.TrySend(packet), "a suspended interface takes a frame");
                Assert.True(back.TryDeliver(NetWorld.Bytes(6, 66)));
                return Task.CompletedTask;
            });
        }
        else
        {
            await world.Host.SuspendAsync(
                async () =>
                {
                    world.Machine.Resume();

                    // The suspend has interrupted the thread, which goes on with the rings of before.
                    Assert.False(link.TrySend(packet), "a suspended interface takes a frame");
                    Assert.Null(link.TryReceive(thread.Pool));
                    link.Flush();
                    _ = link.TryRest();
                    back.Unmap();
                    back = new(world.Host, world.Machine);
                    await back.AddAsync();
                },
                elsewhere: true);
            await back.ConnectAsync();
            Assert.True(back.TryDeliver(NetWorld.Bytes(6, 66)));
        }

        await thread.UntilAsync(() => link.TrySend(packet), "room for the frame");
        link.Flush();
        Assert.Equal(NetWorld.Bytes(5, 555), Assert.Single(await back.TakeSentAsync(1)).Data);
        PacketBuffer frame = await thread.ReceiveAsync();
        Assert.Equal(NetWorld.Bytes(6, 66), frame.Data.ToArray());
        frame.Return();
        Assert.Equal((isCancelled ? 1 : 2, 0), (link.Connections, thread.Pool.Rented));
    }

    [Fact]
    public async Task An_interface_has_one_user_the_stack_or_the_program()
    {
        using LinkThread takes = new();
        await using NetWorld stack = await NetWorld.StartAsync(new() { LinkUser = takes });
        (NetworkInterface network, NetBackEnd _) = await stack.PlugAsync();
        Assert.Throws<InvalidOperationException>(() => network.TryReceive(out _));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await network.ReceiveAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await network.SendAsync(NetWorld.Frame(network, new byte[60])));
        Assert.Throws<InvalidOperationException>(() => network.TrySend(NetWorld.Frame(network, new byte[60])));

        using LinkThread leaves = new(takesLinks: false);
        await using NetWorld program = await NetWorld.StartAsync(new() { LinkUser = leaves });
        (network, NetBackEnd back) = await program.PlugAsync();
        Assert.True(back.TryDeliver(NetWorld.Bytes(1, 60)));
        Assert.Equal(NetWorld.Bytes(1, 60), await NetWorld.ReceiveAsync(network));
    }

    [Fact]
    public async Task A_broken_ring_closes_the_interface_and_the_stack_goes_on()
    {
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        await thread.UntilAsync(() => thread.Link.State == NetworkState.Up, "the connection");
        back.Receive.ResponseProducer += 1000;
        back.ReceiveChannel.NotifyFront();
        await thread.UntilAsync(() => thread.Link.State == NetworkState.Closed, "the end of the connection");
        await world.Host.HasErrorAsync(back.Name, "rsp_prod");
        Assert.True(network.HasFailed);
        Assert.Equal(0, thread.Pool.Rented);
    }

    [Fact]
    public async Task A_capture_has_the_frames_of_a_link_both_ways()
    {
        await using StringWriter written = new();
        await using TextWriter safe = TextWriter.Synchronized(written);
        using LinkThread thread = new();
        await using NetWorld world = await NetWorld.StartAsync(new() { LinkUser = thread, CaptureOutput = safe });
        await world.Host.Dom0.WriteAsync($"{Host.Home}/data/xenlet/capture/vif0", "2");
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        FrameCapture capture = network.Capture!;
        Assert.True(back.TryDeliver(NetWorld.Bytes(1, 60)));
        (await thread.ReceiveAsync()).Return();
        Assert.True(thread.Link.TrySend(thread.Packet(NetWorld.Bytes(2, 60))));
        await capture.Completion.WaitAsync(NetWorld.Patience);
        string lines = written.ToString();
        Assert.Contains("capture of vif0 ended: 2 frames, 0 left out", lines, StringComparison.Ordinal);
    }

    private sealed class TestPayload(byte[] data) : IPacketPayload
    {
        /// <summary>How many bytes were copied.</summary>
        public int Copied { get; private set; }

        /// <summary>The byte whose copy fails.</summary>
        public int FailsAt { get; init; } = int.MaxValue;

        public void CopyTo(int offset, Span<byte> destination)
        {
            Copied += destination.Length;
            if (Copied > FailsAt)
            {
                throw new InvalidOperationException("the test's payload fails");
            }

            data.AsSpan(offset, destination.Length).CopyTo(destination);
        }
    }
}
