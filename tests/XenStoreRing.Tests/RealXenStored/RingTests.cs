namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>The ring itself between the client and a real daemon: where its indexes stand, notifications, suspend and resume.</summary>
public sealed class RingTests : IAsyncLifetime
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(2);
    private XenStoreDaemon _daemon = null!;
    private SimulatedDomain _domain = null!;

    public async Task InitializeAsync()
    {
        _daemon = await XenStoreDaemon.StartAsync();
        _domain = _daemon.Introduce();
    }

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(1023u, 1u)]
    [InlineData(0xFFFF_FFFFu, 0xFFFF_FFF0u)]
    [InlineData(0xFFFF_FC01u, 0xFFFF_F000u)]
    [InlineData(0x7FFF_FFFFu, 0xFFFF_FFFFu)]
    public async Task Indexes_may_stand_anywhere_and_wrap(uint requests, uint responses)
    {
        // The daemon keeps no copy of them, and is asleep.
        _domain[SimulatedDomain.RequestConsumer] = requests;
        _domain[SimulatedDomain.RequestProducer] = requests;
        _domain[SimulatedDomain.ResponseProducer] = responses;
        _domain[SimulatedDomain.ResponseConsumer] = responses;
        await using XenStoreClient client = await _domain.ConnectAsync();
        for (int length = 0; length <= 2000; length += 250)
        {
            string value = new((char)('a' + (length / 250)), length);
            await client.WriteAsync("data/node", value);
            Assert.Equal(value, await client.ReadAsync("data/node"));
        }

        Assert.True(_domain[SimulatedDomain.RequestProducer] - requests > 9000);
        Assert.True(_domain[SimulatedDomain.ResponseProducer] - responses > 9000);
    }

    [Fact]
    public async Task Requests_notify_the_daemon_at_most_once_each()
    {
        await using XenStoreClient client = await _domain.ConnectAsync();
        await client.MakeDirectoryAsync("data");
        int before = _domain.NotificationsSent;
        for (int i = 0; i < 200; i++)
        {
            await client.TryReadAsync("data/none");
        }

        Assert.InRange(_domain.NotificationsSent - before, 1, 200);
        before = _domain.NotificationsSent;
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => client.TryReadAsync("data/none").AsTask()));
        Assert.InRange(_domain.NotificationsSent - before, 1, 1000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_resumed_client_has_its_watches_in_a_new_daemon_and_in_the_same(bool isNew)
    {
        await using XenStoreClient client = await _domain.ConnectAsync();
        await using XenStoreWatch watch = await client.WatchAsync("data");
        await using XenStoreWatch exact = await client.WatchAsync("data/node");
        await NextAsync(watch);
        await NextAsync(exact);
        await client.SuspendAsync();
        ValueTask<string?> waits = client.TryReadAsync("data/node");
        Assert.False(waits.IsCompleted);
        if (isNew)
        {
            await _daemon.RestartAsync();
            _daemon.Reintroduce(_domain);
        }

        using (RawStore dom0 = _daemon.ConnectRaw())
        {
            dom0.Expect(XsType.Write, "/local/domain/1/data/node\0meanwhile");
        }

        await client.ResumeAsync(new XenStoreRingTransport(_domain, new DomainDoorbell(_domain)));
        Assert.Equal("meanwhile", await waits.AsTask().WaitAsync(TimeLimit));
        Assert.Equal(new("data", true), await NextAsync(watch));
        Assert.Equal(new("data/node", true), await NextAsync(exact));
        await client.ReadAsync("data/node");
        while (watch.TryRead(out _) || exact.TryRead(out _))
        {
        }

        await client.WriteAsync("data/node", "after");
        Assert.Equal(new("data/node", false), await NextAsync(watch));
        Assert.Equal(new("data/node", false), await NextAsync(exact));
    }

    [Fact]
    public async Task A_cancelled_suspend_changes_nothing()
    {
        await using XenStoreClient client = await _domain.ConnectAsync();
        await using XenStoreWatch watch = await client.WatchAsync("data");
        await NextAsync(watch);
        await client.SuspendAsync();
        using (RawStore dom0 = _daemon.ConnectRaw())
        {
            dom0.Expect(XsType.Write, "/local/domain/1/data/node\0meanwhile");
        }

        client.CancelSuspend();
        Assert.Equal(new("data/node", false), await NextAsync(watch));
        Assert.Equal("meanwhile", await client.ReadAsync("data/node"));
    }

    [Fact]
    public async Task The_longest_message_dom0_may_send_comes_back_whole()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync();
        string value = new('v', XenStoreLimits.MaxPayload - "/node\0".Length);
        await client.WriteAsync("/node", value);
        Assert.Equal(value, await client.ReadAsync("/node"));
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await client.WriteAsync("/node", value + "v"));
        Assert.Equal(XenStoreError.E2BIG, error.Error);
        Assert.Equal(value, await client.ReadAsync("/node"));
    }

    private static async Task<XenStoreWatchEvent> NextAsync(XenStoreWatch watch)
    {
        using CancellationTokenSource limit = new(TimeLimit);
        Assert.True(await watch.WaitToReadAsync(limit.Token));
        Assert.True(watch.TryRead(out XenStoreWatchEvent change));
        return change;
    }
}
