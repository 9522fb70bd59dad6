using Xenlet.BackEnds.Net;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>Frames that Xen copies from one front end's pages to another's, beside those that go through this domain's memory.</summary>
public sealed class StraightFrameTests
{
    private const int Enough = 60;
    private const int ChangedByte = 14 + 20 + 2;

    /// <summary>Frames good and bad, in slots of any sizes, to a receiver with any features, that has room for them or has not.</summary>
    [Fact]
    public async Task Both_ways_deliver_the_same_frames()
    {
        long straight = 0;
        for (int run = 0; run < 12; run++)
        {
            (List<PortFrame> frames, List<short> answers, long count) = await RunAsync(run, isStraight: true);
            (List<PortFrame> expected, List<short> expectedAnswers, long none) = await RunAsync(run, isStraight: false);
            Assert.Equal(expectedAnswers, answers);
            Assert.Equal(expected.Count, frames.Count);
            Assert.All(expected.Zip(frames), pair =>
            {
                Assert.Equal(pair.First.Data, pair.Second.Data);
                Assert.Equal(pair.First with { Data = pair.Second.Data }, pair.Second);
            });
            Assert.Equal(0, none);
            straight += count;
        }

        Assert.InRange(straight, 20, long.MaxValue);
    }

    /// <summary>With and without room for the frame, so both ways.</summary>
    [Theory]
    [InlineData(Enough)]
    [InlineData(2)]
    public async Task Headers_that_the_sender_changes_after_the_check_arrive_as_they_were_checked(int given)
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        byte[] frame = TcpFrames.Make(false, 30_000);
        both.Give(given);
        both.Sender.Machine.Copied = () => both.SentPages.First().Page.Bytes[ChangedByte] ^= 0xFF;
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        both.Sender.Machine.Copied = static () => { };
        both.Give(Enough);
        Assert.Equal(frame, (await both.ReceiveAsync()).Data);
        Assert.Equal(given == Enough ? 1 : 0, both.Receiver.Counters.Straight);
    }

    /// <summary>The headers need no first slot of their own: a part of a large slot goes with them, and the rest follows it.</summary>
    [Fact]
    public async Task A_page_that_begins_with_the_headers_is_delivered_in_two_parts()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        byte[] frame = TcpFrames.Make(false, 40_000);
        Assert.Equal(
            NetProtocol.ResponseOkay, await both.SendAsync(frame, TwoFrontEnds.Split(frame.Length, 4096), 1400, SegmentKind.TcpV4));
        Assert.Equal(frame, (await both.ReceiveAsync()).Data);
        Assert.Equal(1, both.Receiver.Counters.Straight);
    }

    /// <summary>
    /// Of 18 slots, the first one has the headers alone, or more than goes with them: then it would be two of the receiver's.
    /// </summary>
    [Theory]
    [InlineData(66, true)]
    [InlineData(300, false)]
    public async Task A_frame_of_18_slots_goes_straight_if_the_receiver_needs_no_more(int first, bool isStraight)
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        byte[] frame = TcpFrames.Make(false, first + (17 * 3000) - TcpFrames.HeaderSize(false));
        (int Offset, int Size)[] slots = [(10, first), .. Enumerable.Range(0, 17).Select(i => (i * 64, 3000))];
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendAsync(frame, slots, 1400, SegmentKind.TcpV4));
        Assert.Equal(frame, (await both.ReceiveAsync()).Data);
        Assert.Equal(isStraight ? 1 : 0, both.Receiver.Counters.Straight);
    }

    /// <summary>The sender is answered at once, and frames keep their order.</summary>
    [Fact]
    public async Task Frames_without_room_wait_as_others_do_and_later_ones_do_not_overtake_them()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        byte[][] frames = [TcpFrames.Make(false, 60_000), .. Enumerable.Range(1, 3).Select(seed => TcpFrames.Make(false, 20_000, seed))];

        // Too few for the first one, and enough for each of the others.
        both.Give(10);
        foreach (byte[] frame in frames)
        {
            Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        }

        both.Give(Enough);
        foreach (byte[] frame in frames)
        {
            Assert.Equal(frame, (await both.ReceiveAsync()).Data);
        }

        Assert.Equal(0, both.Receiver.Counters.Straight);
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frames[0]));
        Assert.Equal(frames[0], (await both.ReceiveAsync()).Data);
        Assert.Equal(1, both.Receiver.Counters.Straight);
    }

    [Fact]
    public async Task A_full_ring_is_filled_straight_and_no_further()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(256);
        byte[] frame = TcpFrames.Make(false, 15 * 4096);

        // Sixteen parts and an extra info each.
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        }

        Assert.Equal(256 / 17, both.Receiver.Counters.Straight);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(frame, (await both.ReceiveAsync()).Data);
            both.Give(17);
        }
    }

    /// <summary>A page that only the sender's domain has revoked is the sender's fault: the receiver sees nothing of it.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task A_frame_whose_page_is_revoked_is_answered_with_an_error_and_the_next_is_delivered(int revoked)
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        uint reference = both.SentPages.ElementAt(revoked).Reference;
        both.Sender.Machine.Refusal = asked => asked == reference ? GrantResult.BadReference : null;
        Assert.Equal(NetProtocol.ResponseError, await both.SendLargeAsync(TcpFrames.Make(false, 30_000)));
        both.Sender.Machine.Refusal = static _ => null;
        byte[] frame = TcpFrames.Make(false, 30_000, seed: 2);
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        Assert.Equal(frame, (await both.ReceiveAsync()).Data);
        Assert.Equal((1, 1), (both.Sender.Counters.Refused, both.Receiver.Counters.Straight));
        Assert.Equal((false, false), (both.Sender.HasFailed, both.Receiver.HasFailed));
    }

    /// <summary>The receiver loses what should have come into the page, and the sender notices nothing.</summary>
    [Fact]
    public async Task A_page_of_the_receiver_that_is_revoked_loses_its_part_of_a_frame_alone()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        int asked = 0;
        uint bad = 0;
        both.Receiver.Machine.Refusal = reference =>
        {
            bad = ++asked == 4 ? reference : bad;
            return reference == bad ? GrantResult.BadReference : null;
        };
        byte[] frame = TcpFrames.Make(false, 30_000);
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        PortFrame received = await both.ReceiveAsync();
        Assert.Equal(frame.Length - 4096, received.Data.Length);
        both.Receiver.Machine.Refusal = static _ => null;
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        Assert.Equal(frame, (await both.ReceiveAsync()).Data);
        Assert.Equal((0, 1), (both.Sender.Counters.Refused, both.Receiver.Counters.Straight));
    }

    /// <summary>Xen may bring a page back later: then the frame goes the way that tries it again.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_Xen_wants_to_be_tried_again_arrives(bool isSender)
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        int asked = 0;
        (isSender ? both.Sender : both.Receiver).Machine.Refusal = _ => ++asked is 5 or 6 ? GrantResult.TryAgain : null;
        byte[] frame = TcpFrames.Make(false, 30_000);
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        Assert.Equal(frame, (await both.ReceiveAsync()).Data);
    }

    [Fact]
    public async Task A_receiver_that_breaks_its_ring_ends_its_own_connection_and_not_the_senders()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        BitConverter.TryWriteBytes(both.Receiver.ReceivePage.Bytes.AsSpan(RingPages.RequestProducer), 1000);
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(TcpFrames.Make(false, 30_000)));
        Assert.IsType<BrokenRingException>(await both.Receiver.FailureAsync);
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(TcpFrames.Make(false, 30_000)));
        Assert.False(both.Sender.HasFailed);
    }

    /// <summary>What the switch and its filter say of large frames holds, and a rejected one is answered.</summary>
    [Theory]
    [InlineData("drop tcp; default accept", 0, 0)]
    [InlineData("default reject", 0, 1)]
    [InlineData("accept tcp", 1, 0)]
    public async Task A_filter_decides_about_a_frame_by_the_headers_that_were_copied(string rules, int delivered, int rejected)
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync(
            options: new() { Filter = new PacketFilter(FilterRules.Parse(rules)) });
        both.Give(Enough);

        // A SYN with data: the first packet of a connection.
        byte[] frame = TcpFrames.Make(false, 30_000);
        frame[14 + 20 + 13] = 0x02;
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        Assert.Equal((0, delivered), (both.Receiver.Counters.Undeliverable, (int)both.Receiver.Counters.Straight));
        if (rejected > 0)
        {
            (TestPage page, uint reference) = both.Sender.Grant();
            both.Sender.Receive.Put(new() { Reference = reference });
            both.Sender.Publish();
            Assert.Equal(54, (await both.Sender.ReceivedAsync(1))[0].Status);
            Assert.Equal((byte)0x14, page.Bytes[14 + 20 + 13]);
        }
    }

    [Fact]
    public async Task A_large_frame_under_another_address_is_not_delivered()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        byte[] frame = TcpFrames.Make(false, 30_000);
        frame[14 + 15] = 77;
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        frame = TcpFrames.Make(false, 30_000);
        frame[11] = 77;
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(frame));
        Assert.Empty(await both.ReceiveAllAsync());
    }

    [Fact]
    public async Task Nothing_is_delivered_to_a_front_end_that_has_left()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        await both.Receiver.LeaveAsync();
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(TcpFrames.Make(false, 30_000)));
        Assert.Equal(0, both.Receiver.Counters.Received);
    }

    /// <summary>Otherwise the sender would notify by a channel that the end of the receiver's connection has closed.</summary>
    [Fact]
    public async Task The_end_of_a_receiver_waits_until_its_front_end_was_notified_of_a_frame_that_has_come_straight()
    {
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync();
        both.Give(Enough);
        Thread ending = new(both.Receiver.EndDelivery);
        ThreadState? state = null;
        both.Receiver.Machine.Notifying = () =>
        {
            ending.Start();
            do
            {
                Thread.Yield();
                state = ending.ThreadState;
            }
            while (state is not (ThreadState.WaitSleepJoin or ThreadState.Stopped));
        };
        Assert.Equal(NetProtocol.ResponseOkay, await both.SendLargeAsync(TcpFrames.Make(false, 30_000)));
        ending.Join();
        Assert.Equal((ThreadState.WaitSleepJoin, 1), (state, (int)both.Receiver.Counters.Straight));
    }

    /// <summary>Whatever is behind the head, what is decided about the frame is the same.</summary>
    [Fact]
    public void Nothing_behind_the_head_is_read_before_the_frame_goes_on()
    {
        Random random = new(3);
        int readable = 0;
        for (int run = 0; run < 3000; run++)
        {
            byte[] frame = Mutated(random, random.Next(2) == 0, dataLength: 400, 0.7);
            int head = random.Next(2) == 0 ? StraightFrame.MostHead : random.Next(54, StraightFrame.MostHead + 1);
            byte[] other = [.. frame];
            random.NextBytes(other.AsSpan(head));
            bool isReadable = IsReadable(frame, head);
            Assert.Equal(isReadable, IsReadable(other, head));
            if (isReadable)
            {
                readable++;
                Assert.True(EthernetHeader.TryRead(frame, out EthernetHeader header));
                Assert.Equal(FilterPacket.Read(header, frame), FilterPacket.Read(header, other));
                SourceGuard guard = new(header.Source, [ToolStackAddresses.Parse("10.0.0.1", out _)[0].Address]);
                Assert.Equal(guard.Allows(header, frame), guard.Allows(header, other));
            }
        }

        Assert.InRange(readable, 300, 2700);
    }

    private static bool IsReadable(byte[] frame, int head)
    {
        SegmentKind kind = frame[12] == 0x86 ? SegmentKind.TcpV6 : SegmentKind.TcpV4;
        TransmitChain chain = new();
        chain.Add(new TransmitRequest { Size = (ushort)frame.Length, Flags = NetProtocol.TransmitExtraInfo });
        chain.Add(TransmitRequest.Of(new ExtraInfo { Type = NetProtocol.ExtraGso, Size = 1400, Kind = (byte)kind }));
        return StraightFrame.IsReadable(chain, frame, head);
    }

    /// <summary>A frame of TCP, some bytes of whose headers may be others.</summary>
    private static byte[] Mutated(Random random, bool isIPv6, int dataLength, double share)
    {
        byte[] frame = TcpFrames.Make(isIPv6, dataLength, random.Next());
        if (random.NextDouble() < share)
        {
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                int at = random.Next(12, TcpFrames.HeaderSize(isIPv6));
                frame[at] = random.Next(4) == 0 ? (byte)random.Next() : (byte)(frame[at] ^ (1 << random.Next(8)));
            }

            // Of IPv4, the checksum is right again, so that what else is wrong is seen.
            if (!isIPv6)
            {
                int length = Math.Min((frame[14] & 15) * 4, 60);
                frame[24] = frame[25] = 0;
                ushort sum = InternetChecksum.Of(InternetChecksum.Add(frame.AsSpan(14, length)));
                (frame[24], frame[25]) = ((byte)(sum >> 8), (byte)sum);
            }
        }

        return frame;
    }

    private static async Task<(List<PortFrame> Frames, List<short> Answers, long Straight)> RunAsync(int seed, bool isStraight)
    {
        Random random = new(seed);
        NetworkOffloads offloads = random.Next(3) == 0 ? (NetworkOffloads)random.Next(16) : TwoFrontEnds.Everything;
        bool takesChains = random.Next(8) != 0;
        offloads &= takesChains ? TwoFrontEnds.Everything : ~(NetworkOffloads.SegmentTcpV4 | NetworkOffloads.SegmentTcpV6);
        await using TwoFrontEnds both = await TwoFrontEnds.StartAsync(offloads, takesChains, isStraight: isStraight);
        List<PortFrame> frames = [];
        List<short> answers = [];
        for (int i = 0; i < 12; i++)
        {
            bool isIPv6 = random.Next(3) == 0;
            byte[] frame = Mutated(random, isIPv6, random.Next(4) == 0 ? random.Next(1500) : random.Next(10_000, 60_000), 0.2);
            both.Give(random.Next(3) == 0 ? random.Next(20) : 256);
            SegmentKind kind = random.Next(12) == 0 ? SegmentKind.TcpV4 : isIPv6 ? SegmentKind.TcpV6 : SegmentKind.TcpV4;
            answers.Add(await both.SendAsync(
                frame, Layout(random, frame.Length), random.Next(10) switch { 0 => 0, 1 => 40, _ => random.Next(300, 3000) }, kind,
                random.Next(12) == 0 ? (ushort)0 : NetProtocol.TransmitChecksumBlank));
            frames.AddRange(await both.ReceiveAllAsync());
        }

        return (frames, answers, both.Receiver.Counters.Straight);
    }

    /// <summary>Slots of any sizes, none among them, at any offsets.</summary>
    private static List<(int Offset, int Size)> Layout(Random random, int length)
    {
        int count = random.Next(((length + 4095) / 4096) + 1, TransmitChain.MaximumSlots + 1);
        List<(int, int)> slots = [];
        int left = length;
        for (int i = count - 1; i >= 0; i--)
        {
            int least = Math.Max(0, left - (i * 4096));
            int most = Math.Min(4096, left);
            int size = slots.Count == 0 && random.Next(2) == 0 ? Math.Clamp(random.Next(14, 300), least, most)
                : random.Next(3) == 0 ? random.Next(least, most + 1) : most;
            slots.Add((random.Next(4096 - size + 1), size));
            left -= size;
        }

        return slots;
    }
}
