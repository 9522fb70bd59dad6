namespace Xenlet.XenStoreRing.Tests.Client;

public class WatchTests
{
    [Fact]
    public async Task A_watch_gives_its_events_until_it_is_disposed_of()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client, "device");
        server.Send(Message.Event("device", watch.Token));
        List<XenStoreWatchEvent> events = [];
        await foreach (XenStoreWatchEvent watchEvent in watch)
        {
            events.Add(watchEvent);
            if (events.Count == 1)
            {
                server.Send(Message.Event("device/vif/0", watch.Token));
            }
            else
            {
                ValueTask disposing = watch.DisposeAsync();
                Message request = await server.ReceiveAsync(XenStoreMessageType.Unwatch);
                Assert.Equal($"device|{watch.Token}|", request.Text);
                server.Send(Message.Event("device/vif/1", watch.Token));
                server.Send(request.Reply("OK|"));
                await disposing.Soon();
            }
        }

        Assert.Equal([new("device", false), new("device/vif/0", false)], events);
        Assert.False(watch.TryRead(out _));
        Assert.Equal(1, client.Statistics.UnmatchedEvents);
    }

    [Fact]
    public async Task The_first_event_may_come_before_the_reply()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        ValueTask<XenStoreWatch> watching = client.WatchAsync("/a");
        Message request = await server.ReceiveAsync(XenStoreMessageType.Watch);
        server.Send(Message.Event("/a", request.Text.Split('|')[1]));
        server.Send(request.Reply("OK|"));

        Assert.True((await watching.Soon()).TryRead(out XenStoreWatchEvent watchEvent));
        Assert.Equal(new("/a", false), watchEvent);
    }

    [Fact]
    public async Task Events_of_watches_on_one_path_are_told_apart_by_token()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch first = await RegisterAsync(server, client, "/a");
        XenStoreWatch second = await RegisterAsync(server, client, "/a");
        Assert.NotEqual(first.Token, second.Token);
        server.Send(Message.Event("/a/2", second.Token));
        server.Send(Message.Event("/a/1", first.Token));

        Assert.Equal("/a/1", (await NextAsync(first)).Path);
        Assert.Equal("/a/2", (await NextAsync(second)).Path);
    }

    [Fact]
    public async Task Pending_events_are_a_set_of_paths()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client, "/");
        foreach (string path in new[] { "/a", "/b", "/a", "/", "/b", "/a" })
        {
            server.Send(Message.Event(path, watch.Token));
        }

        await Patience.Until(() => client.Statistics.WatchEvents == 6);
        Assert.Equal(["/a", "/b", "/"], Drain(watch).Select(watchEvent => watchEvent.Path));
        server.Send(Message.Event("/a", watch.Token));
        Assert.Equal("/a", (await NextAsync(watch)).Path);
    }

    [Theory]
    [InlineData(3, 1000, 3, "/a/0 /a/1 /a/2")]
    [InlineData(3, 1000, 4, "everything")]
    [InlineData(3, 1000, 40, "everything")]
    [InlineData(100, 12, 3, "/a/0 /a/1 /a/2")]
    [InlineData(100, 12, 4, "everything")]
    public async Task Beyond_a_bound_pending_events_become_one(int capacity, int characters, int sent, string expected)
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync(
            new() { ResetWatches = false, WatchCapacity = capacity, WatchCharacters = characters });
        XenStoreWatch watch = await RegisterAsync(server, client, "/a");
        for (int i = 0; i < sent; i++)
        {
            server.Send(Message.Event($"/a/{i}", watch.Token));
        }

        await Patience.Until(() => client.Statistics.WatchEvents == sent);
        Assert.Equal(
            expected, string.Join(' ', Drain(watch).Select(watchEvent => watchEvent.MustRescan ? "everything" : watchEvent.Path)));
        server.Send(Message.Event("/a/x", watch.Token));
        Assert.Equal(new("/a/x", false), await NextAsync(watch));
    }

    [Theory]
    [InlineData("E2BIG", XenStoreError.E2BIG)]
    [InlineData("EQUOTA", XenStoreError.EQUOTA)]
    [InlineData("EEXIST", XenStoreError.EEXIST)]
    [InlineData("EINVAL", XenStoreError.EINVAL)]
    public async Task A_watch_that_is_refused_is_the_callers_to_see(string name, XenStoreError expected)
    {
        await using TestServer server = new() { Responder = request => request.Error(name) };
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreException error = await Patience.Fails(client.WatchAsync("/a"));
        Assert.Equal(expected, error.Error);
        Assert.Equal(XenStoreMessageType.Watch, error.Operation);
        Assert.Equal("/a", error.Path);
    }

    [Fact]
    public async Task A_registration_that_was_cancelled_is_undone()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        using CancellationTokenSource cancel = new();
        ValueTask<XenStoreWatch> watching = client.WatchAsync("/a", cancel.Token);
        Message request = await server.ReceiveAsync(XenStoreMessageType.Watch);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching.Soon());
        server.Send(request.Reply("OK|"));

        Assert.Equal(request.Text, (await server.ReceiveAsync(XenStoreMessageType.Unwatch)).Text);
    }

    [Fact]
    public async Task Waiting_can_be_cancelled_and_taken_up_again()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        XenStoreWatch watch = await RegisterAsync(server, client, "/a");
        using CancellationTokenSource cancel = new();
        ValueTask<bool> waiting = watch.WaitToReadAsync(cancel.Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => watch.WaitToReadAsync().Soon());
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        server.Send(Message.Event("/a", watch.Token));
        Assert.Equal("/a", (await NextAsync(watch)).Path);
    }

    [Fact]
    public async Task Disposing_does_not_wait_for_the_loops_body_and_ends_a_wait()
    {
        await using TestServer server = new();
        await using XenStoreClient client = await server.ConnectAsync();
        server.Responder = request => request.Reply("OK|");
        XenStoreWatch watch = await client.WatchAsync("/a").Soon();
        TaskCompletionSource entered = new();
        TaskCompletionSource leave = new();
        server.Send(Message.Event("/a", watch.Token));
        Task loop = Task.Run(async () =>
        {
            await foreach (XenStoreWatchEvent _ in watch)
            {
                entered.SetResult();
                await leave.Task;
            }
        });
        await entered.Task.Soon();
        await watch.DisposeAsync().Soon();
        Assert.False(loop.IsCompleted);
        leave.SetResult();
        await loop.Soon();

        XenStoreWatch other = await client.WatchAsync("/b").Soon();
        ValueTask<bool> waiting = other.WaitToReadAsync();
        await other.DisposeAsync().Soon();
        Assert.False(await waiting.Soon());
    }

    private static async Task<XenStoreWatch> RegisterAsync(TestServer server, XenStoreClient client, string path)
    {
        ValueTask<XenStoreWatch> watching = client.WatchAsync(path);
        Message request = await server.ReceiveAsync(XenStoreMessageType.Watch);
        server.Send(request.Reply("OK|"));
        XenStoreWatch watch = await watching.Soon();
        Assert.Equal($"{path}|{watch.Token}|", request.Text);
        return watch;
    }

    private static async Task<XenStoreWatchEvent> NextAsync(XenStoreWatch watch)
    {
        Assert.True(await watch.WaitToReadAsync().Soon());
        Assert.True(watch.TryRead(out XenStoreWatchEvent watchEvent));
        return watchEvent;
    }

    private static List<XenStoreWatchEvent> Drain(XenStoreWatch watch)
    {
        List<XenStoreWatchEvent> events = [];
        while (watch.TryRead(out XenStoreWatchEvent watchEvent))
        {
            events.Add(watchEvent);
        }

        return events;
    }
}
