using System.Collections.Concurrent;
using Xenlet.XenBus.Devices;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>The watch of a device's other end alone, on a real xenstored.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class OtherEndWatchTests : IAsyncLifetime
{
    private const string BackEnd = "/local/domain/0/backend/vbd/1/1";
    private const string State = BackEnd + "/state";
    private readonly ManualClock _clock = new();
    private readonly ConcurrentQueue<string> _reports = new();
    private Host _host = null!;
    private OtherEndWatch _watch = null!;
    private int _freeWatches;
    private int _changes;
    private int _retries;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync();
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        _freeWatches = await _host.CountFreeWatchesAsync();
        _watch = new(
            _host.GuestStore, _clock, new(0, BackEnd), () => Interlocked.Increment(ref _changes), () => Interlocked.Increment(ref _retries),
            _reports.Enqueue);
    }

    public async Task DisposeAsync()
    {
        await _watch.DisposeAsync();
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task A_change_is_announced_and_the_watchs_own_first_event_is_not()
    {
        await _watch.StartAsync(CancellationToken.None);
        Assert.True(_watch.IsWatching);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await _host.UntilAsync(() => Volatile.Read(ref _changes) > 0);
        Assert.Equal((1, 0), (_changes, _retries));
        Assert.Empty(_reports);
    }

    [Theory]
    [InlineData(State)]
    [InlineData(BackEnd)]
    [InlineData("/local/domain/0/backend")]
    public async Task The_removal_of_the_state_or_of_an_ancestor_is_announced(string removed)
    {
        await _watch.StartAsync(CancellationToken.None);
        await _host.Dom0.RemoveAsync(removed);
        await _host.UntilAsync(() => Volatile.Read(ref _changes) > 0);
        Assert.Equal(XenBusState.Closed, await _watch.ReadStateAsync());
    }

    [Theory]
    [InlineData("4", XenBusState.Connected)]
    [InlineData("garbage", XenBusState.Closed)]
    [InlineData("", XenBusState.Closed)]
    public async Task The_state_is_what_the_node_holds_and_Closed_where_that_is_none(string value, XenBusState state)
    {
        await _host.Dom0.WriteAsync(State, value);
        Assert.Equal(state, await _watch.ReadStateAsync());
    }

    [Fact]
    public async Task A_state_that_may_not_be_read_is_Closed_and_one_that_cannot_be_read_is_an_error()
    {
        await _host.Dom0.SetPermissionsAsync(State, [new(0, XenStoreRights.None)]);
        Assert.Equal(XenBusState.Closed, await _watch.ReadStateAsync());
        _host.Faults.Fail(XenStoreMessageType.Read, State, "EIO", () => true);
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await _watch.ReadStateAsync());
        Assert.Equal(XenStoreError.EIO, error.Error);
    }

    [Fact]
    public async Task A_watch_that_is_refused_is_reported_once_and_retried_by_a_timer_until_there_is_one()
    {
        bool isRefused = true;
        _host.Faults.Fail(XenStoreMessageType.Watch, State, "E2BIG", () => Volatile.Read(ref isRefused));
        await _watch.StartAsync(CancellationToken.None);
        Assert.False(_watch.IsWatching);
        await PassAsync(1);
        await _watch.RetryAsync(CancellationToken.None);
        Assert.False(_watch.IsWatching);
        await PassAsync(2);
        await _watch.RetryAsync(CancellationToken.None);
        Assert.StartsWith(
            "its other end cannot be watched, and is looked at now and then: ", Assert.Single(_reports), StringComparison.Ordinal);

        Volatile.Write(ref isRefused, false);
        await PassAsync(3);
        await _watch.RetryAsync(CancellationToken.None);
        Assert.True(_watch.IsWatching);
        Assert.Equal("its other end is watched again", _reports.Last());
        Advance(120);
        Assert.Equal(3, _retries);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await _host.UntilAsync(() => Volatile.Read(ref _changes) > 0);
    }

    [Fact]
    public async Task A_retry_that_nobody_answers_is_followed_by_the_next()
    {
        _host.Faults.Fail(XenStoreMessageType.Watch, State, "E2BIG", () => true);
        await _watch.StartAsync(CancellationToken.None);
        await PassAsync(1);
        await PassAsync(2);
        await PassAsync(3);
    }

    [Fact]
    public async Task A_retry_without_a_refusal_registers_nothing()
    {
        await _watch.RetryAsync(CancellationToken.None);
        Assert.False(_watch.IsWatching);
        await _watch.StartAsync(CancellationToken.None);
        long requests = _host.GuestStore.Statistics.Requests;
        await _watch.RetryAsync(CancellationToken.None);
        Assert.Equal(requests, _host.GuestStore.Statistics.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_registration_that_returns_after_the_end_leaves_no_watch(bool isForGood)
    {
        TaskCompletionSource isRequested = new(), mayGo = new();
        _host.BeforeRequest = async (type, path) =>
        {
            if (type == XenStoreMessageType.Watch && path == State)
            {
                isRequested.TrySetResult();
                await mayGo.Task;
            }
        };
        Task start = _watch.StartAsync(CancellationToken.None).AsTask();
        await isRequested.Task;
        await (isForGood ? _watch.DisposeAsync() : _watch.StopAsync());
        mayGo.SetResult();
        await start.WaitAsync(TimeSpan.FromMinutes(3));
        Assert.False(_watch.IsWatching);
        Assert.Equal(_freeWatches, await _host.CountFreeWatchesAsync());
    }

    [Fact]
    public async Task After_a_stop_nothing_is_announced_or_retried_and_a_new_other_end_can_be_watched()
    {
        await _host.AddAsync("vbd/2");
        await _watch.StartAsync(CancellationToken.None);
        await _watch.StopAsync();
        Assert.Equal(_freeWatches, await _host.CountFreeWatchesAsync());
        _watch.OtherEnd = new(0, Host.BackEnd("vbd/2"));
        await _watch.StartAsync(CancellationToken.None);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await _host.SetBackStateAsync("vbd/2", XenBusState.Initialised);
        await _host.UntilAsync(() => Volatile.Read(ref _changes) > 0);
        Assert.Equal(XenBusState.Initialised, await _watch.ReadStateAsync());
        Assert.Equal(1, _changes);
    }

    [Fact]
    public async Task Once_disposed_of_it_watches_nothing_any_more()
    {
        _host.Faults.Fail(XenStoreMessageType.Watch, State, "E2BIG", () => true);
        await _watch.StartAsync(CancellationToken.None);
        await _watch.DisposeAsync();
        Advance(120);
        Assert.Equal(0, _retries);
        _host.Faults.Rule = null;
        await _watch.StartAsync(CancellationToken.None);
        Assert.False(_watch.IsWatching);
        Assert.Equal(_freeWatches, await _host.CountFreeWatchesAsync());
    }

    /// <summary>Lets time pass until so many retries were due in all.</summary>
    private Task PassAsync(int retries) => _host.UntilAsync(() =>
    {
        if (Volatile.Read(ref _retries) < retries)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        return Volatile.Read(ref _retries) >= retries;
    });

    private void Advance(int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
