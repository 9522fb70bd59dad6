using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests.Client;

public class SuspendTests
{
    private static readonly XenStoreClientOptions Options = new() { ResetWatches = false, RequestTimeLimit = TimeSpan.FromMinutes(2) };
    private static readonly TimeSpan ShortLimit = TimeSpan.FromSeconds(1.5);

    [Fact]
    public async Task Suspending_waits_for_requests_and_transactions_and_holds_new_ones_back()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(Options);
        ValueTask<XenStoreTransaction> starting = client.BeginTransactionAsync();
        server.Send((await server.ReceiveAsync()).Reply("3|"));
        XenStoreTransaction transaction = await starting.Soon();
        ValueTask<string> before = client.ReadAsync("/before");
        Message request = await server.ReceiveAsync();
        ValueTask suspending = client.SuspendAsync();
        ValueTask<string> during = client.ReadAsync("/during");
        ValueTask inTransaction = transaction.WriteAsync("/t", "");
        server.Send((await server.ReceiveAsync(XenStoreMessageType.Write)).Reply("OK|"));
        await inTransaction.Soon();
        server.Send(request.Reply("b"));
        Assert.Equal("b", await before.Soon());
        // No other request is unanswered, so a suspend that does not wait for the transaction has ended now, and holds new requests back.
        ValueTask another = transaction.WriteAsync("/t", "");
        server.Send((await server.ReceiveAsync(XenStoreMessageType.Write)).Reply("OK|"));
        await another.Soon();
        Assert.False(suspending.IsCompleted);
        ValueTask commit = transaction.CommitAsync();
        server.Send((await server.ReceiveAsync(XenStoreMessageType.TransactionEnd)).Reply("OK|"));
        await commit.Soon();
        await suspending.Soon();
        Assert.False(server.HasRequest);
        Assert.False(during.IsCompleted);

        client.CancelSuspend();
        Message late = await server.ReceiveAsync();
        Assert.Equal("/during", late.Path);
        server.Send(late.Reply("d"));
        Assert.Equal("d", await during.Soon());
    }

    [Fact]
    public async Task A_cancelled_suspend_keeps_watches_without_registering_them_again()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(Options);
        XenStoreWatch watch = await RegisterAsync(server, client, "/w");
        await client.SuspendAsync().Soon();
        server.Send(Message.Event("/w/x", watch.Token));
        await Task.Delay(20);
        Assert.False(watch.TryRead(out _));
        client.CancelSuspend();

        Assert.True(await watch.WaitToReadAsync().Soon());
        Assert.True(watch.TryRead(out XenStoreWatchEvent watchEvent));
        Assert.Equal(new("/w/x", false), watchEvent);
        Assert.False(server.HasRequest);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Resuming_registers_every_watch_again_on_the_new_ring(bool known)
    {
        await using TestServer old = new(new(100, 200));
        await using XenStoreClient client = await old.ConnectAsync(Options);
        XenStoreWatch first = await RegisterAsync(old, client, "/1");
        XenStoreWatch second = await RegisterAsync(old, client, "/2");
        XenStoreWatch gone = await RegisterAsync(old, client, "/gone");
        ValueTask disposing = gone.DisposeAsync();
        old.Send((await old.ReceiveAsync(XenStoreMessageType.Unwatch)).Reply("OK|"));
        await disposing.Soon();
        await client.SuspendAsync().Soon();
        ValueTask<string> held = client.ReadAsync("/held");

        await using TestServer fresh = new(new(7, uint.MaxValue));
        ValueTask resuming = client.ResumeAsync(fresh.NewTransport());
        List<string> registered = [];
        for (int i = 0; i < 2; i++)
        {
            Message request = await fresh.ReceiveAsync(XenStoreMessageType.Watch);
            registered.Add(request.Text);
            fresh.Send(known ? request.Error("EEXIST") : request.Reply("OK|"));
        }

        await resuming.Soon();
        Assert.Equal([$"/1|{first.Token}|", $"/2|{second.Token}|"], registered.Order());
        foreach (XenStoreWatch watch in new[] { first, second })
        {
            Assert.True(await watch.WaitToReadAsync().Soon());
            Assert.True(watch.TryRead(out XenStoreWatchEvent watchEvent));
            Assert.Equal(new(watch.Path, true), watchEvent);
        }

        Message late = await fresh.ReceiveAsync(XenStoreMessageType.Read);
        fresh.Send(late.Reply("h"));
        Assert.Equal("h", await held.Soon());
        Assert.False(old.HasRequest);
    }

    [Fact]
    public async Task A_watch_that_is_refused_after_the_resume_ends_with_its_error()
    {
        await using TestServer old = new();
        await using XenStoreClient client = await old.ConnectAsync(Options);
        XenStoreWatch watch = await RegisterAsync(old, client, "/1");
        await client.SuspendAsync().Soon();
        await using TestServer fresh = new() { Responder = request => request.Error("E2BIG") };
        await client.ResumeAsync(fresh.NewTransport()).Soon();

        XenStoreException error = await Patience.Fails(watch.WaitToReadAsync());
        Assert.Equal(XenStoreError.E2BIG, error.Error);
        Assert.Equal("/1", error.Path);
        Assert.False(client.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_suspend_that_does_not_come_to_rest_says_why_and_everything_goes_on()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(Options with { RequestTimeLimit = ShortLimit });
        ValueTask<XenStoreTransaction> starting = client.BeginTransactionAsync();
        server.Send((await server.ReceiveAsync()).Reply("3|"));
        XenStoreTransaction transaction = await starting.Soon();

        ValueTask suspending = client.SuspendAsync();
        clock.Advance(ShortLimit);
        XenStoreException error = await Patience.Fails(suspending);
        Assert.Equal(XenStoreError.TimedOut, error.Error);
        Assert.Contains("in 1.5 s: 1 transactions open, 0 requests unanswered; ring: ", error.Message, StringComparison.Ordinal);
        ValueTask disposing = transaction.DisposeAsync();
        server.Send((await server.ReceiveAsync(XenStoreMessageType.TransactionEnd)).Reply("OK|"));
        await disposing.Soon();
        await client.SuspendAsync().Soon();
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.SuspendAsync().Soon());
        client.CancelSuspend();
        Assert.Throws<InvalidOperationException>(client.CancelSuspend);
    }

    [Fact]
    public async Task Suspending_reads_a_message_that_has_begun_to_its_end()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(Options);
        XenStoreWatch watch = await RegisterAsync(server, client, "/w");
        byte[] message = Message.Event("/w/x", watch.Token);
        server.Send(message.AsSpan(0, message.Length - 1));
        await Patience.Until(() => server.Ring[RingLayout.ReplyConsumer] == server.Ring[RingLayout.ReplyProducer]);
        ValueTask suspending = client.SuspendAsync();
        await Task.Delay(30);
        Assert.False(suspending.IsCompleted);

        server.Send(message.AsSpan(message.Length - 1));
        await suspending.Soon();
        server.Responder = request => request.Reply("OK|");
        await client.ResumeAsync(server.NewTransport()).Soon();

        server.Responder = request => request.Reply("understood");
        Assert.Equal("understood", await client.ReadAsync("/r").Soon());
    }

    [Fact]
    public async Task A_message_that_does_not_end_ends_the_suspend_and_everything_goes_on()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(Options with { RequestTimeLimit = ShortLimit });
        XenStoreWatch watch = await RegisterAsync(server, client, "/w");
        byte[] message = Message.Event("/w/x", watch.Token);
        server.Send(message.AsSpan(0, 3));
        await Patience.Until(() => server.Ring[RingLayout.ReplyConsumer] == server.Ring[RingLayout.ReplyProducer]);

        Task<XenStoreException> failing = Patience.Fails(client.SuspendAsync());
        await Patience.Until(() =>
        {
            clock.Advance(ShortLimit);
            return failing.IsCompleted;
        });

        Assert.Contains("wrote 3 bytes of a message", (await failing).Message, StringComparison.Ordinal);
        server.Send(message.AsSpan(3));
        Assert.True(await watch.WaitToReadAsync().Soon());
    }

    [Fact]
    public async Task Nothing_touches_the_page_while_suspended()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(Options with { RequestTimeLimit = ShortLimit });
        await client.SuspendAsync().Soon();
        byte[] before = server.Ring.Bytes.ToArray();
        int notified = server.Ring.ClientDoorbell.Sent;
        ValueTask<string> held = client.ReadAsync("/held");
        clock.Advance(10 * ShortLimit);
        await Task.Delay(30);
        Assert.Equal(before, server.Ring.Bytes.ToArray());
        Assert.Equal(notified, server.Ring.ClientDoorbell.Sent);
        Assert.False(held.IsCompleted);
        client.CancelSuspend();
        server.Send((await server.ReceiveAsync()).Reply("h"));
        Assert.Equal("h", await held.Soon());
    }

    [Fact]
    public async Task Disposing_while_suspended_fails_what_was_held_and_leaves_the_page_alone()
    {
        await using TestServer server = new();
        XenStoreClient client = await server.ConnectAsync(Options);
        XenStoreWatch watch = await RegisterAsync(server, client, "/w");
        await client.SuspendAsync().Soon();
        byte[] before = server.Ring.Bytes.ToArray();
        ValueTask<string> held = client.ReadAsync("/held");
        await client.DisposeAsync().Soon();

        Assert.Equal(XenStoreError.ConnectionClosed, (await Patience.Fails(held)).Error);
        Assert.Equal(XenStoreError.ConnectionClosed, (await Patience.Fails(watch.WaitToReadAsync())).Error);
        Assert.Equal(before, server.Ring.Bytes.ToArray());
        Assert.Throws<XenStoreException>(client.CancelSuspend);
    }

    [Fact]
    public async Task A_resume_over_a_ring_without_xenstored_can_be_tried_again()
    {
        ManualClock clock = new();
        await using TestServer server = new() { Clock = clock };
        await using XenStoreClient client = await server.ConnectAsync(Options with { ConnectTimeLimit = ShortLimit });
        await client.SuspendAsync().Soon();
        using TestRing silent = new();
        silent[RingLayout.Connection] = 1;
        ValueTask resuming = client.ResumeAsync(new XenStoreRingTransport(silent, silent.ClientDoorbell));
        clock.Advance(ShortLimit);
        XenStoreException error = await Patience.Fails(resuming);
        Assert.Equal(XenStoreError.TimedOut, error.Error);
        await using TestServer fresh = new() { Responder = request => request.Reply("again") };
        await client.ResumeAsync(fresh.NewTransport()).Soon();
        Assert.Equal("again", await client.ReadAsync("/a").Soon());
    }

    [Fact]
    public async Task Old_watches_are_reset_first_where_the_platform_offers_it()
    {
        List<string> log = [];
        byte[]? Respond(Message request)
        {
            log.Add($"{request.Type.ToWireName()} {request.Text}");
            return request.Reply(request.Type == XenStoreMessageType.Read ? "1" : "OK|");
        }

        await using TestServer old = new() { Responder = Respond };
        await using XenStoreClient client = await old.ConnectAsync(Options with { ResetWatches = null });
        XenStoreWatch watch = await client.WatchAsync("/w").Soon();
        await client.SuspendAsync().Soon();
        await using TestServer fresh = new() { Responder = Respond };
        await client.ResumeAsync(fresh.NewTransport()).Soon();

        string[] reset = ["READ control/platform-feature-xs_reset_watches|", "RESET_WATCHES |", $"WATCH /w|{watch.Token}|"];
        Assert.Equal([.. reset, .. reset], log);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("!ENOENT")]
    [InlineData("!EACCES")]
    public async Task Old_watches_are_left_where_the_platform_does_not_offer_it(string flag)
    {
        List<XenStoreMessageType> log = [];
        await using TestServer server = new()
        {
            Responder = request =>
            {
                log.Add(request.Type);
                return flag[0] == '!' ? request.Error(flag[1..]) : request.Reply(flag);
            },
        };
        await using XenStoreClient client = await server.ConnectAsync(Options with { ResetWatches = null });
        Assert.Equal([XenStoreMessageType.Read], log);
    }

    [Fact]
    public async Task A_refused_reset_does_not_matter_unless_it_was_asked_for()
    {
        await using TestServer server = new()
        {
            Responder = request => request.Type == XenStoreMessageType.Read ? request.Reply("1") : request.Error("ENOSYS"),
        };
        await using XenStoreClient client = await server.ConnectAsync(Options with { ResetWatches = null });
        Assert.Null(client.ClosedReason);

        await using TestServer second = new() { Responder = request => request.Error("ENOSYS") };
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(
            () => second.ConnectAsync(Options with { ResetWatches = true }));
        Assert.Equal(XenStoreError.ENOSYS, error.Error);
    }

    private static async Task<XenStoreWatch> RegisterAsync(TestServer server, XenStoreClient client, string path)
    {
        ValueTask<XenStoreWatch> watching = client.WatchAsync(path);
        server.Send((await server.ReceiveAsync(XenStoreMessageType.Watch)).Reply("OK|"));
        return await watching.Soon();
    }
}
