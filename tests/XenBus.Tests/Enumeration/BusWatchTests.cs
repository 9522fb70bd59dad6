using System.Collections.Concurrent;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>The watch on a bus's directory, without a bus.</summary>
public sealed class BusWatchTests : IAsyncLifetime, IBusWatcher
{
    private readonly ManualClock _clock = new();
    private readonly ConcurrentQueue<string> _heard = new();
    private volatile bool _isRefused;
    private Host _host = null!;
    private BusWatch _watch = null!;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync();
        _host.Faults.Fail(XenStoreMessageType.Watch, "device", "E2BIG", () => _isRefused);
        _watch = NewWatch();
    }

    public async Task DisposeAsync()
    {
        await _watch.DisposeAsync();
        await _host.DisposeAsync();
    }

    void IBusWatcher.OnWatched(bool mayHaveMissed) => _heard.Enqueue(mayHaveMissed ? "watched, may have missed" : "watched");

    void IBusWatcher.OnChanged(XenStoreWatchEvent change) => _heard.Enqueue("changed " + change.Path);

    void IBusWatcher.OnStoreClosed(XenStoreException error) => _heard.Enqueue("store closed");

    void IBusWatcher.OnRetryDue() => _heard.Enqueue("retry due");

    void IBusWatcher.Report(string text) => _heard.Enqueue(text);

    [Fact]
    public async Task A_watch_says_once_that_it_is_registered_and_then_what_changes()
    {
        Assert.False(_watch.IsRegistered);
        await _watch.RegisterAsync(CancellationToken.None);
        Assert.True(_watch.IsRegistered);
        await HearsAsync("watched");

        await _host.Dom0.WriteAsync(Host.Home + "/device/thing", "1");

        await HearsAsync("changed device/thing");
        Assert.Equal(["watched", "changed device/thing"], _heard);
    }

    [Fact]
    public async Task A_watch_that_is_refused_is_tried_again_after_each_pause_until_it_is_registered()
    {
        _isRefused = true;
        XenStoreException refusal =
            await Assert.ThrowsAsync<XenStoreException>(() => _watch.RegisterAsync(CancellationToken.None).AsTask());
        Assert.Equal(XenStoreError.E2BIG, refusal.Error);
        Assert.Equal(0, _clock.Timers);

        _watch.RetryLater(refusal);
        Assert.StartsWith("device: the bus cannot be watched", Assert.Single(_heard), StringComparison.Ordinal);
        Assert.Equal(1, RetriesAfterAMinute());
        await _watch.RegisterAgainAsync();
        Assert.Equal(2, RetriesAfterAMinute());
        _isRefused = false;
        await _watch.RegisterAgainAsync();

        await HearsAsync("watched, may have missed");
        await HearsAsync("device: the bus is watched again");
        Assert.Equal(2, RetriesAfterAMinute());
    }

    [Fact]
    public async Task A_watch_that_is_registered_is_not_registered_again()
    {
        await _watch.RegisterAsync(CancellationToken.None);
        await HearsAsync("watched");
        long requests = _host.GuestStore.Statistics.Requests;

        await _watch.RegisterAgainAsync();

        Assert.Equal(requests, _host.GuestStore.Statistics.Requests);
        Assert.Equal(["watched"], _heard);
    }

    [Fact]
    public async Task Nothing_is_tried_again_after_the_watch_was_disposed_of()
    {
        _watch.RetryLater(new(XenStoreError.E2BIG, "no watch is left"));

        await _watch.DisposeAsync();

        Assert.Equal(0, RetriesAfterAMinute());
        await _watch.RegisterAgainAsync();
        Assert.False(_watch.IsRegistered);
    }

    private BusWatch NewWatch() => new(_host.GuestStore, "device", _clock, this);

    private int RetriesAfterAMinute()
    {
        _clock.Advance(TimeSpan.FromMinutes(1));
        return _heard.Count(text => text == "retry due");
    }

    private Task HearsAsync(string text) =>
        Host.UntilAsync(() => Task.FromResult(_heard.Contains(text)), () => $"not \"{text}\" but:\n{string.Join('\n', _heard)}");
}
