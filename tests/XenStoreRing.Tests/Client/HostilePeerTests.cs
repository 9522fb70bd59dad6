using CsCheck;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests.Client;

/// <summary>Peers that break the protocol: one defined outcome for each case.</summary>
public class HostilePeerTests
{
    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(1.5);
    private static readonly XenStoreClientOptions ShortLimit = new() { ResetWatches = false, RequestTimeLimit = RequestLimit };
    private static readonly XenStoreClientOptions LongLimit = new() { ResetWatches = false, RequestTimeLimit = TimeSpan.FromMinutes(2) };

    /// <summary>What the page is made to hold, the error, and words of the reason.</summary>
    public static TheoryData<int, uint, XenStoreError, string> BrokenPages => new()
    {
        { RingLayout.ReplyProducer, 0x1000, XenStoreError.ProtocolViolation, "impossible ring indexes: rsp_prod" },
        { RingLayout.RequestConsumer, 0x1000, XenStoreError.ProtocolViolation, "impossible ring indexes: req_prod" },
        { RingLayout.RequestProducer, 0x1000, XenStoreError.ConnectionClosed, "set up the ring again" },
        { RingLayout.ReplyConsumer, 0x1000, XenStoreError.ConnectionClosed, "set up the ring again" },
        { RingLayout.Error, 1, XenStoreError.ConnectionClosed, "XENSTORE_ERROR_COMM" },
        { RingLayout.Error, 2, XenStoreError.ConnectionClosed, "XENSTORE_ERROR_RINGIDX" },
        { RingLayout.Error, 3, XenStoreError.ConnectionClosed, "XENSTORE_ERROR_PROTO" },
        { RingLayout.Error, 99, XenStoreError.ConnectionClosed, "error 99 (not a documented error)" },
        { RingLayout.Connection, 1, XenStoreError.ConnectionClosed, "connection field has become 1" },
    };

    [Theory]
    [MemberData(nameof(BrokenPages))]
    public async Task A_broken_page_closes_the_connection_with_a_reason_for_everybody(
        int offset, uint value, XenStoreError error, string reason)
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(LongLimit with { MaxOutstanding = 2 });
        XenStoreWatch watch = await RegisterAsync(server, client);
        Assert.True(await watch.WaitToReadAsync().Soon());
        watch.TryRead(out _);
        ValueTask<string> sent = client.ReadAsync("/sent");
        ValueTask<bool> alsoSent = client.ExistsAsync("/also");
        ValueTask queued = client.WriteAsync("/queued", "");
        await server.ReceiveAsync();
        await server.ReceiveAsync();
        server.Ring[offset] = value;
        server.Ring.ServerDoorbell.Notify();

        await client.Closed.Soon();
        Assert.Equal(error, client.ClosedReason!.Error);
        Assert.Contains(reason, client.ClosedReason.Message, StringComparison.Ordinal);
        foreach (XenStoreException failure in new[]
        {
            await Patience.Fails(sent), await Patience.Fails(alsoSent), await Patience.Fails(queued), await Patience.Fails(
                watch.WaitToReadAsync()),
            await Patience.Fails(client.ReadAsync("/later")), await Patience.Fails(client.WatchAsync("/later")), await Patience.Fails(
                client.SuspendAsync()),
        })
        {
            Assert.Equal(error, failure.Error);
            Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
            Assert.Same(client.ClosedReason, failure.InnerException);
        }
    }

    [Fact]
    public async Task A_ring_error_is_noticed_without_an_event_when_a_request_stays_unanswered()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(LongLimit);
        ValueTask<string> read = client.ReadAsync("/a");
        await server.ReceiveAsync();
        server.Ring[RingLayout.Error] = 2;

        XenStoreException error = await Patience.Fails(read);
        Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
        Assert.Contains("RINGIDX", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_too_long_closes_the_connection()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        ValueTask<string> read = client.ReadAsync("/a");
        Message request = await server.ReceiveAsync();
        byte[] header = new byte[XenStoreHeader.Size];
        new XenStoreHeader(request.Type, request.Header.RequestId, 0, 4097).Write(header);
        server.Send(header);

        XenStoreException error = await Patience.Fails(read);
        Assert.Equal(XenStoreError.ProtocolViolation, error.Error);
        Assert.Contains("4097 bytes", error.Message, StringComparison.Ordinal);
        await client.Closed.Soon();
    }

    [Theory]
    [InlineData(XenStoreMessageType.Write)]
    [InlineData(XenStoreMessageType.Directory)]
    [InlineData((XenStoreMessageType)20)]
    [InlineData((XenStoreMessageType)0x12345678)]
    [InlineData(XenStoreMessageType.Invalid)]
    public async Task A_reply_of_another_type_fails_its_request_only(XenStoreMessageType type)
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        ValueTask<string> first = client.ReadAsync("/a");
        ValueTask<string> second = client.ReadAsync("/b");
        Message request = await server.ReceiveAsync();
        server.Send(Message.Bytes(type, request.Header.RequestId, 0, [1, 2, 3]));
        server.Send((await server.ReceiveAsync()).Reply("b"));

        XenStoreException error = await Patience.Fails(first);
        Assert.Equal(XenStoreError.ProtocolViolation, error.Error);
        Assert.Contains($"type of {type.ToWireName()}", error.Message, StringComparison.Ordinal);
        Assert.Equal("b", await second.Soon());
        Assert.False(client.Closed.IsCompleted);
    }

    [Theory]
    [InlineData(XenStoreMessageType.Read)]
    [InlineData(XenStoreMessageType.Error)]
    [InlineData((XenStoreMessageType)4711)]
    public async Task A_reply_with_an_unknown_id_is_dropped_and_counted(XenStoreMessageType type)
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        ValueTask<string> read = client.ReadAsync("/a");
        Message request = await server.ReceiveAsync();
        server.Send(Message.Bytes(type, request.Header.RequestId + 1, 0, "wrong"u8.ToArray()));
        server.Send(request.Reply("right"));
        server.Send(request.Reply("twice"));

        Assert.Equal("right", await read.Soon());
        await Patience.Until(() => client.Statistics.UnmatchedReplies == 2);
        Assert.False(client.Closed.IsCompleted);
    }

    [Theory]
    [InlineData("", 0, 1)]
    [InlineData("/w", 0, 1)]
    [InlineData("/w|", 0, 1)]
    [InlineData("/w|TOKEN", 0, 1)]
    [InlineData("/w|TOKEN|1|", 0, 1)]
    [InlineData("/w|TOKEN||", 0, 1)]
    [InlineData("|||||", 0, 1)]
    [InlineData("/w|other|", 1, 0)]
    [InlineData("/w||", 1, 0)]
    [InlineData("/w|00000000.00000001|", 1, 0)]
    public async Task A_watch_event_that_is_none_is_dropped_and_counted(string payload, int unmatched, int malformed)
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client);
        Assert.True(await watch.WaitToReadAsync().Soon());
        Assert.True(watch.TryRead(out _));
        server.Send(Message.Bytes(XenStoreMessageType.WatchEvent, 0, 0, Message.Payload(payload.Replace("TOKEN", watch.Token))));
        ValueTask<string> read = client.ReadAsync("/a");
        server.Send((await server.ReceiveAsync()).Reply("still here"));

        Assert.Equal("still here", await read.Soon());
        Assert.False(watch.TryRead(out _));
        Assert.Equal(unmatched, client.Statistics.UnmatchedEvents);
        Assert.Equal(malformed, client.Statistics.MalformedEvents);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/w/a b")]
    [InlineData("/w//x")]
    [InlineData("/elsewhere")]
    [InlineData("/wx")]
    [InlineData("/")]
    public async Task An_event_whose_path_cannot_be_says_look_at_everything(string path)
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client);
        Assert.True(await watch.WaitToReadAsync().Soon());
        Assert.True(watch.TryRead(out _));
        server.Send(Message.Event(path, watch.Token));

        Assert.True(await watch.WaitToReadAsync().Soon());
        Assert.True(watch.TryRead(out XenStoreWatchEvent read));
        Assert.Equal(new("/w", true), read);
    }

    [Fact]
    public async Task A_peer_that_does_not_answer_is_named_with_request_time_and_ring()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(ShortLimit);
        ValueTask<string> silent = client.ReadAsync("/silent");
        Message request = await server.ReceiveAsync();
        clock.Advance(RequestLimit);
        XenStoreException error = await Patience.Fails(silent);

        Assert.Equal(XenStoreError.TimedOut, error.Error);
        Assert.Matches(
            @"^READ /silent: TimedOut: sent and not answered after 1\.5 s; 1 requests unanswered; "
            + @"ring: xenstored has 0 bytes of requests to read \(req_prod 0x18, req_cons 0x18\), "
            + @"we have 0 bytes of replies to read \(rsp_prod 0x0, rsp_cons 0x0\), connection 0, error 0, server_features 0x0$",
            error.Message);
        server.Send(request.Reply("late"));
        ValueTask<string> next = client.ReadAsync("/next");
        server.Send((await server.ReceiveAsync()).Reply("in time"));
        Assert.Equal("in time", await next.Soon());
        Assert.Equal(0, client.Statistics.UnmatchedReplies);
    }

    [Fact]
    public async Task A_peer_that_stops_reading_fails_requests_and_gets_them_whole_when_it_reads_again()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(ShortLimit with { MaxOutstanding = 2 });
        server.Pause();
        ValueTask large = client.WriteAsync("/large", new byte[3000]);
        ValueTask next = client.WriteAsync("/next", "");
        ValueTask queued = client.WriteAsync("/queued", "");
        clock.Advance(RequestLimit);

        Assert.Contains(
            "one of them not yet wholly written; ring: xenstored has 1024 bytes",
            (await Patience.Fails(large)).Message,
            StringComparison.Ordinal);
        Assert.Equal(XenStoreError.TimedOut, (await Patience.Fails(next)).Error);
        Assert.Contains("still queued after", (await Patience.Fails(queued)).Message, StringComparison.Ordinal);
        server.Continue();
        Message request = await server.ReceiveAsync();
        Assert.Equal(3007, request.Body.Length);
        server.Send(request.Reply("OK|"));
        ValueTask<bool> after = client.ExistsAsync("/after");
        server.Send((await server.ReceiveAsync(XenStoreMessageType.Read)).Reply(""));
        Assert.True(await after.Soon());
    }

    [Fact]
    public async Task Replies_are_taken_off_the_ring_while_a_request_waits_for_room()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        ValueTask<byte[]> read = client.ReadBytesAsync("/r");
        Message request = await server.ReceiveAsync();
        server.Pause();
        ValueTask write = client.WriteAsync("/w", new byte[4000]);
        server.Send(request.Reply(new byte[4000]));
        Assert.Equal(4000, (await read.Soon()).Length);
        Assert.False(write.IsCompleted);
        server.Continue();
        server.Send((await server.ReceiveAsync(XenStoreMessageType.Write)).Reply("OK|"));
        await write.Soon();
    }

    [Fact]
    public async Task Twenty_requests_that_are_never_answered_do_not_hang_the_next()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(ShortLimit);
        ValueTask<string>[] reads = [.. Enumerable.Range(0, 20).Select(number => client.ReadAsync($"/{number}"))];
        clock.Advance(RequestLimit);
        foreach (ValueTask<string> read in reads)
        {
            await Patience.Fails(read);
        }

        ValueTask<string> oneMore = client.ReadAsync("/one-more");
        clock.Advance(RequestLimit);
        XenStoreException error = await Patience.Fails(oneMore);
        Assert.Contains("still queued after", error.Message, StringComparison.Ordinal);
        Assert.Contains("20 requests unanswered", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restarted_xenstored_closes_the_connection_and_a_new_client_goes_on()
    {
        await using TestServer server = new(new(500, 700));
        XenStoreClient client = await server.ConnectAsync();
        server.Ring.Reset(0, 0);
        server.Ring.ServerDoorbell.Notify();
        await client.Closed.Soon();
        Assert.Contains("xenstored restarted?", client.ClosedReason!.Message, StringComparison.Ordinal);
        await client.DisposeAsync();

        await using TestServer restarted = new() { Responder = request => request.Reply("again") };
        await using XenStoreClient second = await restarted.ConnectAsync();
        Assert.Equal("again", await second.ReadAsync("/a").Soon());
    }

    [Fact]
    public async Task A_late_xenstored_is_waited_for_and_a_missing_one_named()
    {
        using TestRing ring = new();
        ring[RingLayout.Connection] = 1;
        XenStoreException error = await Patience.Fails(XenStoreClient.ConnectAsync(
            new XenStoreRingTransport(ring, ring.ClientDoorbell), LongLimit with { ConnectTimeLimit = TimeSpan.FromMilliseconds(100) }));
        Assert.Equal(XenStoreError.TimedOut, error.Error);
        Assert.Contains("no xenstored answered in 0.1 s; ring: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("connection 1", error.Message, StringComparison.Ordinal);

        ValueTask<XenStoreClient> connecting = XenStoreClient.ConnectAsync(new XenStoreRingTransport(ring, ring.ClientDoorbell), LongLimit);
        Assert.False(connecting.IsCompleted);
        ring[RingLayout.Connection] = 0;
        ring.ServerDoorbell.Notify();
        await using XenStoreClient client = await connecting.Soon();
        Assert.Null(client.ClosedReason);
    }

    [Fact]
    public async Task A_flood_of_events_takes_bounded_memory_and_lets_requests_through()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client);
        string filler = new('x', 900);
        ValueTask<string> read = client.ReadAsync("/a");
        Message request = await server.ReceiveAsync();
        for (int i = 0; i < 3000; i++)
        {
            server.Send(Message.Event($"/w/{i}/{filler}", watch.Token));
        }

        server.Send(request.Reply("through"));
        Assert.Equal("through", await read.Soon());
        List<XenStoreWatchEvent> events = [];
        while (watch.TryRead(out XenStoreWatchEvent read1))
        {
            events.Add(read1);
        }

        Assert.Equal([new("/w", true)], events);
    }

    [Fact]
    public async Task Any_bytes_from_the_peer_lead_to_an_answer_or_a_reason()
    {
        Gen<byte[]> header =
            from type in Gen.OneOf(Gen.UInt[0, 26], Gen.Const(2u), Gen.Const(15u), Gen.Const(16u), Gen.UInt)
            from id in Gen.UInt[0, 3]
            from length in Gen.OneOf(Gen.UInt[0, 30], Gen.UInt[0, 4200], Gen.UInt)
            select new byte[] { (byte)type, (byte)(type >> 8), (byte)(type >> 16), (byte)(type >> 24), (byte)id, 0, 0, 0, 0, 0, 0, 0,
                (byte)length, (byte)(length >> 8), (byte)(length >> 16), (byte)(length >> 24) };
        await Gen.OneOf(Gen.Byte.Array[0, 200], header).Array[1, 30].SampleAsync(
            async pieces =>
            {
                await using TestServer server = new();
                await using XenStoreClient client = await server.ConnectAsync(
                    ShortLimit with { RequestTimeLimit = TimeSpan.FromMilliseconds(40) });
                ValueTask<string> read = client.ReadAsync("/a");
                ValueTask<XenStoreWatch> watching = client.WatchAsync("/w");
                Message request = await server.ReceiveAsync();
                foreach (byte[] piece in pieces)
                {
                    if (piece.Length == XenStoreHeader.Size && piece[4] == 1)
                    {
                        BitConverter.TryWriteBytes(piece.AsSpan(4), request.Header.RequestId);
                    }

                    server.Send(piece);
                }

                await SettleAsync(read);
                await SettleAsync(watching);
            },
            iter: 150, threads: 2);
    }

    [Fact]
    public async Task Any_values_in_the_page_lead_to_an_answer_or_a_reason()
    {
        Gen<int> offset = Gen.Int[512, 519].Select(word => word * 4);
        Gen<uint> value = Gen.OneOf(Gen.UInt, Gen.UInt[0, 1100], Gen.UInt[uint.MaxValue - 1100, uint.MaxValue]);
        await Gen.Select(offset, value).Array[1, 6].SampleAsync(
            async changes =>
            {
                await using TestServer server = new(new(replyIndex: 0, requestIndex: 0));
                await using XenStoreClient client = await server.ConnectAsync(
                    ShortLimit with { RequestTimeLimit = TimeSpan.FromMilliseconds(40) });
                foreach ((int at, uint word) in changes)
                {
                    server.Ring[at] = word;
                }

                server.Ring.ServerDoorbell.Notify();
                await SettleAsync(client.ReadAsync("/a"));
            },
            iter: 150, threads: 2);
    }

    [Fact]
    public async Task Disposing_gives_every_waiter_a_reason()
    {
        await using TestServer server = new();
        XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client);
        await watch.WaitToReadAsync().Soon();
        watch.TryRead(out _);
        ValueTask<string> read = client.ReadAsync("/a");
        ValueTask<bool> waiting = watch.WaitToReadAsync();
        await client.DisposeAsync().Soon();
        await client.DisposeAsync().Soon();

        Assert.Contains("disposed of", (await Patience.Fails(read)).Message, StringComparison.Ordinal);
        Assert.Contains("disposed of", (await Patience.Fails(waiting)).Message, StringComparison.Ordinal);
        await watch.DisposeAsync().Soon();
    }

    [Fact]
    public async Task A_client_that_is_disposed_of_leaves_the_ring_clean()
    {
        await using TestServer server = new() { DisposeLimit = TimeSpan.FromMinutes(2) };
        XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client);
        ValueTask<XenStoreTransaction> starting = client.BeginTransactionAsync();
        server.Send((await server.ReceiveAsync()).Reply("9|"));
        XenStoreTransaction transaction = await starting.Soon();
        ValueTask<byte[]> read = client.ReadBytesAsync("/large");
        Message request = await server.ReceiveAsync();
        Task disposing = client.DisposeAsync().Soon();
        Assert.Equal(XenStoreError.ConnectionClosed, (await Patience.Fails(read)).Error);
        await transaction.DisposeAsync().Soon();
        await watch.DisposeAsync().Soon();
        Message end = await server.ReceiveAsync(XenStoreMessageType.TransactionEnd);
        Message unwatch = await server.ReceiveAsync(XenStoreMessageType.Unwatch);
        Assert.Equal((9u, "F|", $"/w|{watch.Token}|"), (end.Header.TransactionId, end.Text, unwatch.Text));
        server.Send(end.Reply("OK|"));
        server.Send(unwatch.Reply("OK|"));
        byte[] reply = request.Reply(new byte[3000]);
        server.Send(reply.AsSpan(0, 2000));
        await Patience.Until(() => server.Ring[RingLayout.ReplyConsumer] == server.Ring[RingLayout.ReplyProducer]);
        Assert.False(disposing.IsCompleted);
        server.Send(reply.AsSpan(2000));
        await disposing.Soon();

        Assert.Equal(server.Ring[RingLayout.ReplyProducer], server.Ring[RingLayout.ReplyConsumer]);
        Assert.False(server.HasRequest);
        await using XenStoreClient successor = await server.ConnectAsync();
        ValueTask<string> next = successor.ReadAsync("/a");
        server.Send((await server.ReceiveAsync()).Reply("next"));
        Assert.Equal("next", await next.Soon());
    }

    private static async Task SettleAsync<T>(ValueTask<T> task)
    {
        try
        {
            await task.Soon();
        }
        catch (XenStoreException)
        {
        }
    }

    private static async Task<XenStoreWatch> RegisterAsync(TestServer server, XenStoreClient client)
    {
        ValueTask<XenStoreWatch> watching = client.WatchAsync("/w");
        Message request = await server.ReceiveAsync(XenStoreMessageType.Watch);
        server.Send(request.Reply("OK|"));
        server.Send(Message.Event("/w", request.Text.Split('|')[1]));
        return await watching.Soon();
    }
}
