using CsCheck;

namespace Xenlet.Drivers.Tests;

/// <summary>Frames through the network front end, with an honest back end.</summary>
public sealed class NetworkTrafficTests
{
    [Theory]
    [InlineData(14, 1)]
    [InlineData(60, 1)]
    [InlineData(1514, 1)]
    [InlineData(4096, 1)]
    [InlineData(4097, 2)]
    [InlineData(9014, 3)]
    [InlineData(65535, 16)]
    public async Task A_frame_of_any_size_is_sent_as_it_was(int length, int slots)
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        await network.SendAsync(NetWorld.Frame(network, NetWorld.Bytes(length, length)));
        Assert.Equal((uint)slots, back.Transmit.RequestProducer);
        Assert.Equal(NetWorld.Bytes(length, length), Assert.Single(back.TakeSent()).Data);
        Assert.Equal((1, length), (network.Statistics.SentFrames, network.Statistics.SentBytes));
    }

    [Theory]
    [InlineData(13)]
    [InlineData(65536)]
    public async Task A_frame_of_an_impossible_size_is_refused(int length)
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        FrameBuffer frame = network.RentFrame(65535);
        if (length > 65535)
        {
            frame.Length = 65536;
        }
        else
        {
            frame.Length = length;
        }

        Assert.Throws<ArgumentException>(() => network.TrySend(frame));
        Assert.Throws<ObjectDisposedException>(() => _ = frame.Data);
        Assert.Empty(back.TakeSent());
    }

    [Fact]
    public async Task Checksum_and_segment_flags_go_both_ways()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        FrameBuffer blank = NetWorld.Frame(network, Packets.Udp(ipv6: true, new byte[33]));
        blank.IsChecksumBlank = true;
        FrameBuffer valid = NetWorld.Frame(network, Packets.Udp(ipv6: false, new byte[33]));
        valid.IsChecksumValidated = true;
        FrameBuffer large = NetWorld.Frame(network, NetWorld.Bytes(1, 20_000));
        large.IsChecksumBlank = true;
        (large.SegmentKind, large.SegmentSize) = (SegmentKind.TcpV6, 1440);
        Assert.True(network.TrySend(blank, hasMore: true));
        Assert.True(network.TrySend(valid, hasMore: true));
        Assert.True(network.TrySend(large));
        List<SentFrame> sent = await back.TakeSentAsync(3);
        Assert.Equal(NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated, sent[0].Flags);
        Assert.Equal(NetProtocol.TransmitDataValidated, sent[1].Flags);
        Assert.Equal((SegmentKind.TcpV6, 1440), (sent[2].SegmentKind, sent[2].SegmentSize));
        Assert.Equal(NetWorld.Bytes(1, 20_000), sent[2].Data);

        Assert.True(back.TryDeliver(NetWorld.Bytes(2, 100), NetProtocol.ReceiveChecksumBlank | NetProtocol.ReceiveDataValidated));
        Assert.True(back.TryDeliver(NetWorld.Bytes(3, 100), NetProtocol.ReceiveDataValidated));
        Assert.True(back.TryDeliver(NetWorld.Bytes(4, 100)));
        Assert.True(back.TryDeliver(NetWorld.Bytes(5, 30_000), NetProtocol.ReceiveChecksumBlank, SegmentKind.TcpV4, 1448));
        (bool, bool, int, SegmentKind)[] expected =
            [(true, true, 0, SegmentKind.None), (false, true, 0, SegmentKind.None), (false, false, 0, SegmentKind.None),
                (true, true, 1448, SegmentKind.TcpV4)];
        for (int i = 0; i < expected.Length; i++)
        {
            using FrameBuffer frame = await network.ReceiveAsync();
            Assert.Equal(expected[i], (frame.IsChecksumBlank, frame.IsChecksumValidated, frame.SegmentSize, frame.SegmentKind));
            Assert.Equal(NetWorld.Bytes(i + 2, i == 3 ? 30_000 : 100), frame.Data.ToArray());
        }
    }

    [Fact]
    public async Task A_full_ring_makes_senders_wait_or_drops_by_choice()
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { TransmitPages = 32 });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        for (int i = 0; i < 32; i++)
        {
            Assert.True(network.TrySend(NetWorld.Frame(network, NetWorld.Bytes(i, 60))));
        }

        Assert.False(network.TrySend(NetWorld.Frame(network, new byte[60])));
        Assert.Equal(1, network.Statistics.SendRingDrops);
        Task[] waiting = [.. Enumerable.Range(32, 8).Select(
            i => network.SendAsync(NetWorld.Frame(network, NetWorld.Bytes(i, 60))).AsTask())];
        using CancellationTokenSource cancelled = new();
        Task given = network.SendAsync(NetWorld.Frame(network, new byte[61]), cancelled.Token).AsTask();
        Assert.DoesNotContain(waiting, task => task.IsCompleted);
        cancelled.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        List<SentFrame> sent = await back.TakeSentAsync(40);
        await Task.WhenAll(waiting).WaitAsync(NetWorld.Patience);
        Assert.Equal(
            Enumerable.Range(0, 40).Select(i => Convert.ToHexString(NetWorld.Bytes(i, 60))).Order(),
            sent.Select(frame => Convert.ToHexString(frame.Data)).Order());
        Assert.Equal(9, network.Statistics.SendWaits);
        Assert.InRange(network.Statistics.SendEvents, 1, 8);
    }

    [Fact]
    public async Task Sending_causes_no_events_as_long_as_nobody_waits_for_room()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(network.TrySend(NetWorld.Frame(network, NetWorld.Bytes(i, 100))));
            Assert.Equal(NetWorld.Bytes(i, 100), Assert.Single(back.TakeSent()).Data);
        }

        // The ring requests an event for the first, as io/ring.h initialises it.
        Assert.InRange(network.Statistics.SendEvents, 0, 1);

        // A back end that is awake is not notified; this one never announced that it sleeps.
        Assert.InRange(network.Statistics.SendNotifications, 0, 1);
    }

    [Fact]
    public async Task A_batch_is_told_of_once()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        Assert.False(back.Transmit.FinalCheck());
        for (int i = 0; i < 50; i++)
        {
            Assert.True(network.TrySend(NetWorld.Frame(network, new byte[60]), hasMore: true));
        }

        Assert.Equal(0u, back.Transmit.RequestProducer);
        network.Flush();
        Assert.Equal(50u, back.Transmit.RequestProducer);
        Assert.Equal(1, network.Statistics.SendNotifications);
    }

    [Fact]
    public async Task What_the_program_does_not_take_is_dropped_and_counted_and_the_ring_stays_full()
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { ReceiveQueueFrames = 10 });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        for (int i = 0; i < 1000; i++)
        {
            byte[] frame = NetWorld.Bytes(i, 60);
            await world.Host.UntilAsync(() => back.TryDeliver(frame));
        }

        await world.Host.UntilAsync(() => network.Statistics.ReceiveQueueDrops == 990);
        Assert.Equal(10, network.Statistics.ReceivedFrames);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(NetWorld.Bytes(i, 60), await NetWorld.ReceiveAsync(network));
        }

        Assert.False(network.TryReceive(out _));
    }

    [Fact]
    public async Task What_waits_is_bounded_in_memory_too()
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { ReceiveQueueBytes = 200_000 });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        for (int i = 0; i < 10; i++)
        {
            byte[] frame = NetWorld.Bytes(i, 60_000);
            await world.Host.UntilAsync(() => back.TryDeliver(frame));
        }

        await world.Host.UntilAsync(() => network.Statistics.ReceiveQueueDrops == 8);
        Assert.Equal(2, network.WaitingFrames);
    }

    [Fact]
    public async Task A_frame_that_the_back_end_could_not_deliver_is_counted_and_the_next_ones_come()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        back.Receive.Put(new() { Id = back.TakePage().Id, Status = -1 });
        back.Receive.Put(new() { Id = back.TakePage().Id, Status = 100, Flags = NetProtocol.ReceiveMoreData });
        back.Receive.Put(new() { Id = back.TakePage().Id, Status = -3 });
        back.Receive.Put(new() { Id = back.TakePage().Id, Status = 13 });
        back.Receive.Put(new() { Id = back.TakePage().Id, Status = 0 });
        Assert.True(back.TryDeliver(NetWorld.Bytes(1, 14)));
        Assert.Equal(NetWorld.Bytes(1, 14), await NetWorld.ReceiveAsync(network));
        Assert.Equal((2, 2), (network.Statistics.ReceiveErrors, network.Statistics.ReceiveRunts));
        Assert.True(network.IsUp);
    }

    [Fact]
    public async Task What_the_back_end_refused_to_send_is_counted()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        Assert.True(network.TrySend(NetWorld.Frame(network, new byte[60])));
        Assert.True(back.Transmit.TryTake(out TransmitRequest request));
        back.Transmit.Put(new() { Id = request.Id, Status = -1 });
        back.Transmit.Publish();
        Assert.True(network.TrySend(NetWorld.Frame(network, new byte[60])));
        back.TransmitChannel.NotifyFront();
        await world.Host.UntilAsync(() => network.Statistics.SendErrors == 1);
    }

    [Fact]
    public async Task Frames_in_every_shape_and_order_come_through_both_ways_unchanged()
    {
        await using NetWorld world = await NetWorld.StartAsync();
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        Gen<(bool Sends, int Length, int Part, int Offset, bool More)[]> schedules = Gen.Select(
            Gen.Bool,
            Gen.Frequency((6, Gen.Int[14, 1514]), (2, Gen.Int[1515, 9000]), (1, Gen.Int[9001, 65535])),
            Gen.Int[300, 4096],
            Gen.Int[0, 64],
            Gen.Bool).Array[1, 60];
        await schedules.SampleAsync(
            async schedule =>
            {
                Queue<byte[]> coming = new();
                Queue<byte[]> going = new();
                int seed = 0;
                foreach ((bool sends, int length, int part, int offset, bool more) in schedule)
                {
                    byte[] bytes = NetWorld.Bytes(++seed + length, length);
                    if (sends)
                    {
                        // The back end may be what the waiting sender waits for: it takes the announced frames, and more.
                        Task sending = network.SendAsync(NetWorld.Frame(network, bytes), more).AsTask();
                        going.Enqueue(bytes);
                        while (!sending.IsCompleted)
                        {
                            Take(back.TakeSent());
                            await Task.Delay(1);
                        }

                        await sending;
                    }
                    else
                    {
                        int partSize = Math.Max(Math.Min(part, 4096 - offset), (length / 18) + 1);
                        if (back.TryDeliver(bytes, partSize: partSize, offset: Math.Min(offset, 4096 - partSize), publishes: !more))
                        {
                            coming.Enqueue(bytes);
                        }
                    }

                    if (seed % 7 == 0)
                    {
                        Take(back.TakeSent());
                        back.PublishReceived();
                        while (coming.TryDequeue(out byte[]? expected))
                        {
                            Assert.Equal(expected, await NetWorld.ReceiveAsync(network));
                        }
                    }
                }

                network.Flush();
                back.PublishReceived();
                while (going.Count > 0)
                {
                    Take(await back.TakeSentAsync(1));
                }

                while (coming.TryDequeue(out byte[]? expected))
                {
                    Assert.Equal(expected, await NetWorld.ReceiveAsync(network));
                }

                void Take(List<SentFrame> sent)
                {
                    foreach (SentFrame frame in sent)
                    {
                        Assert.Equal(going.Dequeue(), frame.Data);
                    }
                }
            },
            iter: 60,
            threads: 1);
        Assert.True(network.IsUp);
        Assert.Equal((0L, 0L, 0L), (network.Statistics.ReceiveErrors, network.Statistics.ReceiveQueueDrops, network.Statistics.SendErrors));
    }
}
