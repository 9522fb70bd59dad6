using System.Collections.Concurrent;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests.Client;

/// <summary>A client that comes back after its connection was lost.</summary>
public sealed class ReconnectTests : IAsyncLifetime
{
    private static readonly XenStoreClientOptions Options = new() { ResetWatches = false, RequestTimeLimit = TimeSpan.FromMinutes(5) };
    private readonly ManualClock _clock = new();
    private readonly ConcurrentQueue<string> _told = new();
    private readonly ConcurrentQueue<Func<IXenStoreTransport>> _transports = new();
    private TestServer _server = null!;
    private XenStoreClient _client = null!;
    private int _asked;

    public async Task InitializeAsync()
    {
        _server = NewServer();
        _transports.Enqueue(_server.NewTransport);
        _client = await XenStoreClient.ConnectAsync(
            () =>
            {
                Interlocked.Increment(ref _asked);
                return _transports.TryDequeue(out Func<IXenStoreTransport>? next)
                    ? next()
                    : throw new InvalidOperationException("not there yet");
            },
            Options with { DisposeTimeLimit = TimeSpan.FromTicks(1), TimeProvider = _clock }).Soon();
        _client.ConnectionChanged += (_, change) => _told.Enqueue(change.Failure?.Message ?? "connected");
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync().Soon();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task What_was_sent_fails_what_is_asked_later_waits_and_watches_are_there_again()
    {
        XenStoreWatch watch = await RegisterAsync("/w");
        ValueTask<string> sent = _client.ReadAsync("/sent");
        await _server.ReceiveAsync();
        await LoseAsync();
        XenStoreException error = await Patience.Fails(sent);
        Assert.Equal((XenStoreError.ConnectionClosed, "/sent"), (error.Error, error.Path));
        ValueTask<string> later = _client.ReadAsync("/later");
        Assert.False(_client.Closed.IsCompleted);

        await using TestServer next = new(new(7, uint.MaxValue));
        await Patience.Until(() => _told.Contains("not there yet"));
        await ComeBackAsync(next);
        Message registration = await next.ReceiveAsync(XenStoreMessageType.Watch);
        Assert.Equal($"/w|{watch.Token}|", registration.Text);
        Assert.False(next.HasRequest);
        next.Send(registration.Reply("OK|"));
        next.Send((await next.ReceiveAsync(XenStoreMessageType.Read)).Reply("value"));
        Assert.Equal("value", await later.Soon());
        Assert.True(await watch.WaitToReadAsync().Soon());
        Assert.True(watch.TryRead(out XenStoreWatchEvent change));
        Assert.Equal(new("/w", true), change);
        await Patience.Until(() => _told.Count == 3);
        Assert.Equal(
            ["xenstored has given up the ring: error 1 (XENSTORE_ERROR_COMM, communication with the event channel or page failed)",
                "not there yet", "connected"],
            _told);
    }

    [Fact]
    public async Task A_connection_that_does_not_come_back_is_tried_again_after_pauses_of_1_2_4_8_16_and_30_seconds()
    {
        int others = _clock.Timers;
        List<long> times = [];
        for (int i = 0; i < 8; i++)
        {
            _transports.Enqueue(() =>
            {
                times.Add(_clock.GetTimestamp());
                throw new InvalidOperationException("not there yet");
            });
        }

        await LoseAsync();
        while (!_transports.IsEmpty)
        {
            // The clock stands from the end of a pause, with its timer, to the beginning of the next one, after the attempt.
            await Patience.Until(() => _clock.Timers > others);
            _clock.Advance(TimeSpan.FromSeconds(0.5));
        }

        await Patience.Until(() => _clock.Timers > others);
        IEnumerable<double> seconds = times.Zip(times.Skip(1), (one, next) => TimeSpan.FromTicks(next - one).TotalSeconds);
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], seconds);
        Assert.Equal(2, _told.Count);
    }

    [Fact]
    public async Task A_connection_lost_while_watches_are_registered_loses_none_of_them()
    {
        XenStoreWatch watch = await RegisterAsync("/w");
        await LoseAsync();
        await using TestServer second = new();
        await ComeBackAsync(second);
        await second.ReceiveAsync(XenStoreMessageType.Watch);
        await LoseAsync(second);
        await using TestServer third = new() { Responder = request => request.Reply("OK|") };
        await ComeBackAsync(third);
        Assert.True(await watch.WaitToReadAsync().Soon());
        Assert.True(watch.TryRead(out XenStoreWatchEvent change));
        Assert.Equal(new("/w", true), change);
    }

    [Fact]
    public async Task A_transaction_ends_with_its_connection_and_harms_none_of_the_next_with_the_same_number()
    {
        XenStoreTransaction before = await BeginAsync(_server);
        await LoseAsync();
        await using TestServer next = new();
        await ComeBackAsync(next);
        // The same xenstored would keep it for ever.
        Message abort = await next.ReceiveAsync(XenStoreMessageType.TransactionEnd);
        Assert.Equal((3u, "F|"), (abort.Header.TransactionId, abort.Text));
        next.Send(abort.Error("ENOENT"));
        XenStoreTransaction after = await BeginAsync(next);

        Assert.Equal(
            XenStoreError.ConnectionClosed, (await Assert.ThrowsAsync<XenStoreException>(() => before.ReadAsync("/a").AsTask())).Error);
        await Patience.Fails(before.CommitAsync());
        await before.DisposeAsync().Soon();
        Assert.False(next.HasRequest);
        next.Responder = request => request.Reply("OK|");
        await after.CommitAsync().Soon();
    }

    [Fact]
    public async Task What_waits_for_a_lost_connection_has_its_time_limit()
    {
        await LoseAsync();
        ValueTask<string> waits = _client.ReadAsync("/waits");
        _clock.Advance(Options.RequestTimeLimit);
        Assert.Equal(XenStoreError.TimedOut, (await Patience.Fails(waits)).Error);
    }

    [Fact]
    public async Task A_lost_connection_is_not_suspended_and_disposing_of_watch_and_client_ends()
    {
        XenStoreWatch watch = await RegisterAsync("/w");
        await LoseAsync();
        Assert.Equal(XenStoreError.ConnectionClosed, (await Patience.Fails(_client.SuspendAsync())).Error);
        ValueTask<string> waits = _client.ReadAsync("/waits");
        await watch.DisposeAsync().Soon();
        await _client.DisposeAsync().Soon();
        Assert.Equal(XenStoreError.ConnectionClosed, (await Patience.Fails(waits)).Error);
        Assert.True(_client.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_suspend_that_waits_for_a_request_ends_when_the_connection_is_lost()
    {
        ValueTask<string> sent = _client.ReadAsync("/sent");
        await _server.ReceiveAsync();
        ValueTask suspending = _client.SuspendAsync();
        await LoseAsync();
        Assert.Equal(XenStoreError.ConnectionClosed, (await Patience.Fails(suspending)).Error);
        await Patience.Fails(sent);
    }

    [Fact]
    public async Task After_a_resume_the_ring_is_looked_for_until_it_is_found()
    {
        XenStoreWatch watch = await RegisterAsync("/w");
        await _client.SuspendAsync().Soon();
        // Disposing of a watch does not wait for a store that is not connected.
        await watch.DisposeAsync().Soon();
        ValueTask<string> held = _client.ReadAsync("/held");
        int attempts = 0;
        await using TestServer next = new() { Responder = request => request.Reply("found") };
        ValueTask resuming = _client.ResumeAsync(() => ++attempts < 3 ? throw new IOException("no page") : next.NewTransport());
        Task resumed = resuming.AsTask();
        await Patience.Until(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            return resumed.IsCompleted;
        });
        await resumed;
        Assert.Equal("found", await held.Soon());
        Assert.Equal(3, attempts);
        Assert.Equal(["no page", "connected"], _told);
    }

    [Fact]
    public async Task A_client_that_is_disposed_of_while_its_ring_is_looked_for_ends()
    {
        await _client.SuspendAsync().Soon();
        Task resuming = _client.ResumeAsync(() => throw new IOException("no page")).AsTask();
        await Patience.Until(() => _told.Contains("no page"));
        await _client.DisposeAsync().Soon();
        await Assert.ThrowsAsync<XenStoreException>(() => resuming.Soon());
    }

    private static TestServer NewServer() => new();

    /// <summary>Makes the server give up the ring, by the error field that xenstored sets in the page.</summary>
    private async Task LoseAsync(TestServer? server = null)
    {
        int told = _told.Count;
        server ??= _server;
        server.Ring[RingLayout.Error] = 1;
        server.Ring.ServerDoorbell.Notify();
        await Patience.Until(() => _told.Count > told);
    }

    private async Task ComeBackAsync(TestServer server)
    {
        int asked = Volatile.Read(ref _asked);
        _transports.Enqueue(server.NewTransport);
        await Patience.Until(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            return Volatile.Read(ref _asked) > asked && _transports.IsEmpty;
        });
    }

    private async Task<XenStoreWatch> RegisterAsync(string path)
    {
        ValueTask<XenStoreWatch> watching = _client.WatchAsync(path);
        _server.Send((await _server.ReceiveAsync(XenStoreMessageType.Watch)).Reply("OK|"));
        return await watching.Soon();
    }

    private async Task<XenStoreTransaction> BeginAsync(TestServer server)
    {
        ValueTask<XenStoreTransaction> beginning = _client.BeginTransactionAsync();
        server.Send((await server.ReceiveAsync(XenStoreMessageType.TransactionStart)).Reply("3|"));
        return await beginning.Soon();
    }
}
