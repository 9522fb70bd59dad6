using System.Runtime.CompilerServices;
using Xenlet.BackEnds.Net;
using Xenlet.Drivers.Tests;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>What a network back end makes of requests, good and bad.</summary>
public sealed class NetworkRequestTests
{
    private const ushort More = NetProtocol.TransmitMoreData;
    private const ushort Extra = NetProtocol.TransmitExtraInfo;
    private const ushort Blank = NetProtocol.TransmitChecksumBlank;

    /// <summary>Frames that make no sense: how many responses they get, the data ones with an error.</summary>
    internal static readonly (string Name, int Answers, Func<uint, TransmitRequest[]> Make)[] Refused =
    [
        ("a frame without a byte", 1, page => [Slot(page, 0, 0)]),
        ("a frame of 13 bytes", 1, page => [Slot(page, 0, 13)]),
        ("no such grant", 1, _ => [Slot(77777, 0, 60)]),
        ("a good and a wrong grant", 2, page => [Slot(page, 0, 90, More), Slot(77777, 0, 30)]),
        ("slots of more bytes than the frame", 2, page => [Slot(page, 0, 60, More), Slot(page, 0, 61)]),
        ("nineteen slots", 19, page => Chain(page, 19)),
        ("twenty slots", 20, page => Chain(page, 20)),
        ("segments of what is no TCP", 2, page => [Slot(page, 0, 90, Blank | Extra), Gso(1400, 1)]),
        ("segments without a blank checksum", 2, page => [Slot(page, 0, 90, Extra), Gso(1400, 1)]),
        ("a group that is none", 2, _ => [Slot(0, 0, 0, Extra), Group(NetProtocol.ExtraMulticastAdd, "00:00:5e:00:00:01")]),
    ];

    /// <summary>What breaks the protocol, and what the error says.</summary>
    internal static readonly (string Name, string Error, Func<uint, TransmitRequest[]> Make)[] Broken =
    [
        ("a frame across the end of its page", "4096 bytes at offset 1", page => [Slot(page, 1, 4096)]),
        ("a frame of 65535 bytes in one slot", "65535 bytes at offset 65535", page => [Slot(page, 65535, 65535)]),
        ("a second slot across the end", "16 bytes at offset 4090", page => [Slot(page, 0, 90, More), Slot(page, 4090, 16)]),
        ("21 slots", "more than 20 slots", page => Chain(page, 21)),
        ("slots without end", "more than 20 slots", page => [.. Enumerable.Repeat(Slot(page, 0, 60, More), 200)]),
        ("an extra info of type 0", "unknown type 0", page => [Slot(page, 0, 60, Extra), default]),
        ("an extra info of type 6", "unknown type 6", page => [Slot(page, 0, 60, Extra), Info(6)]),
        ("extra infos without end", "more than 5 extra", page =>
            [Slot(page, 0, 60, Extra), .. Enumerable.Repeat(Info(4, NetProtocol.ExtraMore), 100)]),
        ("segments of no bytes", "segments of 0 bytes", page => [Slot(page, 0, 90, Blank | Extra), Gso(0, 1)]),
        ("segments of an unknown kind", "kind 9", page => [Slot(page, 0, 90, Blank | Extra), Gso(1400, 9)]),
        ("a group with data", "multicast address has data", page =>
            [Slot(page, 0, 90, Extra | More), Group(NetProtocol.ExtraMulticastAdd, "01:00:5e:00:00:01")]),
    ];

    public static TheoryData<string> RefusedNames => [.. Refused.Select(one => one.Name)];

    public static TheoryData<string> BrokenNames => [.. Broken.Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public async Task A_frame_that_makes_no_sense_is_answered_with_an_error_and_the_next_is_taken(string name)
    {
        await using RawNetworkFrontEnd front = new();
        (TestPage page, uint reference) = front.Grant();
        (string Name, int Answers, Func<uint, TransmitRequest[]> Make) refused = Refused.First(one => one.Name == name);
        front.Put([.. refused.Make(reference), Slot(reference, 0, 60, id: 999)]);
        front.Publish();
        TransmitResponse[] answers = await front.AnswersAsync(refused.Answers + 1);
        Assert.All(answers[..^1], answer => Assert.NotEqual(NetProtocol.ResponseOkay, answer.Status));
        Assert.Equal((999, NetProtocol.ResponseOkay), (answers[^1].Id, answers[^1].Status));
        Assert.Equal(page.Bytes[..60], (await front.Network.ReceiveAsync()).Data);
        Assert.Equal(0, front.Network.Waiting);
    }

    [Theory]
    [MemberData(nameof(BrokenNames))]
    public async Task What_no_front_end_does_by_mistake_ends_the_connection(string name)
    {
        await using RawNetworkFrontEnd front = new();
        (string Name, string Error, Func<uint, TransmitRequest[]> Make) broken = Broken.First(one => one.Name == name);
        front.Put(broken.Make(front.Grant().Reference));
        front.Publish();
        Exception error = await front.FailureAsync;
        Assert.IsType<BrokenRingException>(error);
        Assert.Contains(broken.Error, error.Message, StringComparison.Ordinal);
        Assert.Equal(0, front.Network.Waiting);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_index_that_is_ahead_of_the_ring_ends_the_connection(bool isTransmit)
    {
        await using RawNetworkFrontEnd front = new();
        TestPage page = isTransmit ? front.TransmitPage : front.ReceivePage;
        Unsafe.As<byte, uint>(ref page.Bytes[RingPages.RequestProducer]) = 1000;
        front.Publish();
        if (!isTransmit)
        {
            front.Network.Deliver(new byte[60]);
        }

        // Publish writes no index where nothing was put.
        Assert.Contains("req_prod is 1000", (await front.FailureAsync).Message, StringComparison.Ordinal);
    }

    /// <summary>The first slot has what the others leave of the frame's size, as little as nothing.</summary>
    [Theory]
    [InlineData(1, 1514)]
    [InlineData(2, 1)]
    [InlineData(2, 0)]
    [InlineData(7, 3)]
    [InlineData(18, 5)]
    [InlineData(18, 3000)]
    public async Task A_frame_is_put_together_from_up_to_18_slots_and_their_answers_are_in_order(int slots, int first)
    {
        const int part = 100;
        await using RawNetworkFrontEnd front = new();
        byte[] frame = NetworkHost.Bytes(slots, first + ((slots - 1) * part));
        List<TransmitRequest> requests = [];
        for (int i = 0; i < slots; i++)
        {
            (TestPage page, uint reference) = front.Grant();
            int at = i == 0 ? 0 : first + ((i - 1) * part);
            int size = i == 0 ? first : part;
            frame.AsSpan(at, size).CopyTo(page.Bytes.AsSpan(i * 7));
            requests.Add(Slot(reference, i * 7, i == 0 ? frame.Length : size, i + 1 < slots ? More : (ushort)0, (ushort)(500 + i)));
        }

        // The back end sees the slots one by one.
        foreach (TransmitRequest request in requests)
        {
            front.Put(request);
            front.Publish();
        }

        Assert.Equal(
            Enumerable.Range(500, slots).Select(id => ((ushort)id, NetProtocol.ResponseOkay)),
            (await front.AnswersAsync(slots)).Select(answer => (answer.Id, answer.Status)));
        Assert.Equal(frame, (await front.Network.ReceiveAsync()).Data);
    }

    [Fact]
    public async Task A_front_end_has_64_groups_at_most_and_leaves_them_again()
    {
        await using RawNetworkFrontEnd front = new(filters: true);
        for (int i = 0; i < MulticastFilter.MaximumAddresses + 1; i++)
        {
            front.Put(Slot(0, 0, 0, Extra), Group(NetProtocol.ExtraMulticastAdd, $"01:00:5e:00:00:{i:x2}"));
            front.Publish();
            TransmitResponse[] answers = await front.AnswersAsync(2);
            Assert.Equal(
                (i < MulticastFilter.MaximumAddresses ? NetProtocol.ResponseOkay : NetProtocol.ResponseError, NetProtocol.ResponseNull),
                (answers[0].Status, answers[1].Status));
        }

        front.Put(Slot(0, 0, 0, Extra), Group(NetProtocol.ExtraMulticastDelete, "01:00:5e:00:00:07"));
        front.Put(Slot(0, 0, 0, Extra), Group(NetProtocol.ExtraMulticastAdd, "01:00:5e:00:00:ff"));
        front.Publish();
        Assert.All((await front.AnswersAsync(4)).Where((_, i) => i % 2 == 0), answer => Assert.Equal(0, answer.Status));
    }

    [Fact]
    public async Task A_page_that_cannot_be_written_loses_its_part_of_a_frame_alone()
    {
        await using RawNetworkFrontEnd front = new();
        (TestPage page, uint reference) = front.Grant();
        front.Receive.Put(new() { Id = 5, Reference = 77777 });
        front.Receive.Put(new() { Id = 6, Reference = reference });
        front.Publish();
        byte[] frame = NetworkHost.Bytes(1, 60);
        front.Network.Deliver(NetworkHost.Bytes(2, 60));
        front.Network.Deliver(frame);
        ReceiveResponse[] responses = await front.ReceivedAsync(2);
        Assert.Equal((5, NetProtocol.ResponseError), (responses[0].Id, responses[0].Status));
        Assert.Equal((6, 60), (responses[1].Id, responses[1].Status));
        Assert.Equal(frame, page.Bytes[..60]);
    }

    [Fact]
    public async Task A_frame_waits_for_all_of_its_pages_and_behind_it_no_more_wait_than_the_limit_allows()
    {
        await using RawNetworkFrontEnd front = new(limits: new() { WaitingFrames = 4 });
        byte[] large = NetworkHost.Bytes(1, 10_000);
        front.Network.Deliver(large);
        while (Volatile.Read(ref front.Counters.Dropped) < 20)
        {
            front.Network.Deliver(NetworkHost.Bytes(2, 60));
        }

        (TestPage Page, uint Reference)[] pages = [.. Enumerable.Range(0, 3).Select(_ => front.Grant())];
        for (int i = 0; i < pages.Length; i++)
        {
            front.Receive.Put(new() { Id = (ushort)i, Reference = pages[i].Reference });
            front.Publish();
        }

        ReceiveResponse[] responses = await front.ReceivedAsync(3);
        Assert.Equal([4096, 4096, 1808], responses.Select(response => (int)response.Status));
        Assert.Equal(
            [NetProtocol.ReceiveMoreData, NetProtocol.ReceiveMoreData, 0], responses.Select(response => (int)response.Flags));
        Assert.Equal(large, pages.SelectMany(one => one.Page.Bytes).Take(large.Length));
        Assert.False(front.HasFailed);
    }

    /// <summary>Without <c>feature-rx-notify</c>, a front end says nothing of the pages that it adds.</summary>
    [Fact]
    public async Task Frames_find_the_pages_of_a_front_end_that_does_not_notify()
    {
        await using RawNetworkFrontEnd front = new(notifies: false);
        for (int i = 0; i < 3; i++)
        {
            byte[] frame = NetworkHost.Bytes(i, 60);
            front.Network.Deliver(frame);
            (TestPage page, uint reference) = front.Grant();
            front.Receive.Put(new() { Id = (ushort)i, Reference = reference });
            front.Receive.Publish();
            Assert.Equal((i, 60), (await front.ReceivedAsync(1)) is [var one] ? (one.Id, one.Status) : default);
            Assert.Equal(frame, page.Bytes[..60]);
        }
    }

    [Fact]
    public async Task A_frame_of_several_pages_is_not_for_a_front_end_without_chains()
    {
        await using RawNetworkFrontEnd front = new(takesChains: false);
        front.Network.Deliver(new byte[4097]);
        front.Network.Deliver(new byte[4096]);
        front.Receive.Put(new() { Id = 9, Reference = front.Grant().Reference });
        front.Publish();
        ReceiveResponse response = Assert.Single(await front.ReceivedAsync(1));
        Assert.Equal((9, 4096, 0), (response.Id, response.Status, response.Flags));
    }

    /// <summary>Nothing but the end of the connection comes of any requests.</summary>
    [Fact]
    public async Task Random_requests_end_the_connection_or_are_answered()
    {
        Random random = new(5);
        int ended = 0;
        for (int run = 0; run < 200; run++)
        {
            await using RawNetworkFrontEnd front = new();
            uint reference = front.Grant().Reference;
            int count = 0;
            while (count < 60)
            {
                TransmitRequest request = Slot(
                    random.Next(8) == 0 ? 77777u : reference, random.Next(200), random.Next(10, 4000), (ushort)(random.Next(6) switch
                    {
                        0 => random.Next(16),
                        1 => More,
                        _ => 0,
                    }));
                if (random.Next(50) == 0)
                {
                    request = new() { Offset = (ushort)random.Next(), Size = (ushort)random.Next(), Flags = (ushort)random.Next() };
                }

                front.Put(request);
                count++;
            }

            // Nothing of the last frames is missing.
            front.Put(Enumerable.Repeat(Slot(reference, 0, 60), 6));
            front.Publish();
            Task answered = front.AnswersAsync(count);
            Task<Exception> failed = front.FailureAsync;
            await Task.WhenAny(answered, failed);
            if (front.HasFailed)
            {
                Assert.IsType<BrokenRingException>(await failed);
                ended++;
            }
        }

        Assert.InRange(ended, 1, 199);
    }

    private static TransmitRequest Slot(uint reference, int offset, int size, ushort flags = 0, ushort id = 1) =>
        new() { Reference = reference, Offset = (ushort)offset, Size = (ushort)size, Flags = flags, Id = id };

    private static TransmitRequest[] Chain(uint page, int slots) =>
        [Slot(page, 0, 60 * slots, More), .. Enumerable.Repeat(Slot(page, 0, 60, More), slots - 2), Slot(page, 0, 60)];

    private static TransmitRequest Info(byte type, byte flags = 0) => TransmitRequest.Of(new ExtraInfo { Type = type, Flags = flags });

    private static TransmitRequest Gso(ushort size, byte kind) =>
        TransmitRequest.Of(new ExtraInfo { Type = NetProtocol.ExtraGso, Size = size, Kind = kind });

    private static TransmitRequest Group(byte type, string address) => TransmitRequest.Of(
        ExtraInfo.Multicast(type == NetProtocol.ExtraMulticastAdd, MacAddress.Parse(address)));
}
