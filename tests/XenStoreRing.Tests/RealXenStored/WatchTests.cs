namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>The client's watches on a real daemon.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private const string Home = "/local/domain/1";
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(2);
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Theory]
    [CombinatorialTransports("data", "data/none", Home + "/data")]
    public async Task The_first_event_comes_at_once_and_then_one_for_each_change_below(Transport transport, string path)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await using XenStoreWatch watch = await client.WatchAsync(path);
        Assert.Equal(new(path, false), await NextAsync(watch));
        await client.WriteAsync(path + "/deep/node", "1");
        Assert.Equal(new(path + "/deep/node", false), await NextAsync(watch));
        await client.WriteAsync(path, "1");
        Assert.Equal(new(path, false), await NextAsync(watch));
        await client.RemoveAsync(path + "/deep");
        Assert.Equal(new(path + "/deep", false), await NextAsync(watch));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Making_a_directory_again_fires_nothing_and_setting_permissions_fires(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.MakeDirectoryAsync("data/dir");
        await using XenStoreWatch watch = await client.WatchAsync("data/dir");
        await NextAsync(watch);
        await client.MakeDirectoryAsync("data/dir");
        await client.SetPermissionsAsync("data/dir", await client.GetPermissionsAsync("data/dir"));
        Assert.Equal(new("data/dir", false), await NextAsync(watch));
        await ExpectNothingAsync(client, watch);
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Removing_a_directory_fires_for_an_exact_watch_below_it(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.MakeDirectoryAsync("data/dir/x/y");
        await using XenStoreWatch top = await client.WatchAsync("data");
        await using XenStoreWatch exact = await client.WatchAsync("data/dir/x/y");
        await using XenStoreWatch between = await client.WatchAsync("data/dir");
        await NextAsync(top);
        await NextAsync(exact);
        await NextAsync(between);
        await client.RemoveAsync("data/dir");
        Assert.Equal(new("data/dir", false), await NextAsync(top));
        Assert.Equal(new("data/dir", false), await NextAsync(between));
        Assert.Equal(new("data/dir/x/y", false), await NextAsync(exact));
        await ExpectNothingAsync(client, top, between, exact);
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Two_watches_of_one_path_both_fire_until_disposed(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.MakeDirectoryAsync("data");
        await using XenStoreWatch kept = await client.WatchAsync("data");
        XenStoreWatch ended = await client.WatchAsync("data");
        Assert.NotEqual(kept.Token, ended.Token);
        await NextAsync(kept);
        await NextAsync(ended);
        await ended.DisposeAsync();
        await client.WriteAsync("data/node", "1");
        Assert.Equal(new("data/node", false), await NextAsync(kept));
        Assert.False(await ended.WaitToReadAsync());
        Assert.False(ended.TryRead(out _));
        Assert.Equal(0, client.Statistics.UnmatchedEvents);
    }

    [Theory]
    [CombinatorialTransports("@introduceDomain", "@releaseDomain")]
    public async Task The_comings_and_goings_of_domains_are_told(Transport transport, string path)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        if (transport == Transport.Ring)
        {
            // Only dom0 may know which domains there are, unless it grants the right.
            using RawStore dom0 = _daemon.ConnectRaw();
            dom0.Expect(XsType.SetPerms, $"{path}\0n0\0r1\0");
        }

        await using XenStoreWatch watch = await client.WatchAsync(path);
        Assert.Equal(new(path, false), await NextAsync(watch));
        SimulatedDomain other = _daemon.Introduce(2);
        if (path == "@releaseDomain")
        {
            await ExpectNothingAsync(client, watch);
            _daemon.Release(other);
        }

        Assert.Equal(new(path, false), await NextAsync(watch));
    }

    [Fact]
    public async Task A_watch_path_that_ends_in_a_slash_is_refused()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync();
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await client.WatchAsync("/t/"));
        Assert.Equal(XenStoreError.EINVAL, error.Error);
        Assert.Equal(XenStoreMessageType.Watch, error.Operation);
    }

    [Fact]
    public async Task A_watch_beyond_the_quota_is_refused_and_one_that_ended_makes_room()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring);
        List<XenStoreWatch> watches = new();
        XenStoreException? refusal = null;
        while (refusal is null && watches.Count < 200)
        {
            try
            {
                watches.Add(await client.WatchAsync("data"));
            }
            catch (XenStoreException error)
            {
                refusal = error;
            }
        }

        Assert.Equal(XenStoreError.E2BIG, refusal?.Error);
        Assert.InRange(watches.Count, 128, 129);
        await watches[0].DisposeAsync();
        watches[0] = await client.WatchAsync("data");
        await client.WriteAsync("data/node", "1");
        foreach (XenStoreWatch watch in watches)
        {
            await UntilAsync(watch, "data/node");
        }
    }

    [Fact]
    public async Task A_client_on_a_used_ring_gets_none_of_its_predecessors_events()
    {
        SimulatedDomain domain = _daemon.Introduce();
        await using (XenStoreClient predecessor = await domain.ConnectAsync())
        {
            await predecessor.WatchAsync("data");
        }

        await using XenStoreClient client = await domain.ConnectAsync();
        await using XenStoreWatch watch = await client.WatchAsync("data");
        await NextAsync(watch);
        await client.WriteAsync("data/node", "1");
        Assert.Equal(new("data/node", false), await NextAsync(watch));
        Assert.Equal(0, client.Statistics.UnmatchedEvents);
    }

    [Fact]
    public async Task Watches_of_a_predecessor_are_reset_when_asked()
    {
        SimulatedDomain domain = _daemon.Introduce();
        await using (XenStoreClient predecessor = await domain.ConnectAsync())
        {
            await predecessor.WatchAsync("data");
        }

        await using XenStoreClient client = await domain.ConnectAsync(new() { ResetWatches = true });
        await client.WriteAsync("data/node", "1");
        await client.ReadAsync("data/node");
        Assert.Equal(0, client.Statistics.UnmatchedEvents);
    }

    [Fact]
    public async Task Watches_of_a_predecessor_are_reset_where_the_platform_offers_it()
    {
        SimulatedDomain domain = _daemon.Introduce();
        using (RawStore dom0 = _daemon.ConnectRaw())
        {
            dom0.Expect(XsType.Write, $"{Home}/control/platform-feature-xs_reset_watches\0" + "1");
        }

        await using (XenStoreClient predecessor = await domain.ConnectAsync())
        {
            await predecessor.WatchAsync("data");
        }

        await using XenStoreClient client = await domain.ConnectAsync();
        await client.WriteAsync("data/node", "1");
        await client.ReadAsync("data/node");
        Assert.Equal(0, client.Statistics.UnmatchedEvents);
    }

    [Theory]
    [InlineData(Transport.Socket, 50)]
    [InlineData(Transport.Socket, 1000)]
    [InlineData(Transport.Ring, 50)]
    [InlineData(Transport.Ring, 100)]
    [InlineData(Transport.Ring, 1000)]
    public async Task A_flood_of_one_nodes_changes_is_one_event_for_a_reader_that_sleeps(Transport transport, int writes)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await using XenStoreWatch watch = await client.WatchAsync(Home + "/data");
        await NextAsync(watch);
        WriteAsDom0(writes, _ => "node");
        Assert.Equal($"{writes - 1}", await client.ReadAsync(Home + "/data/node"));
        Assert.Equal(new(Home + "/data/node", false), await NextAsync(watch));
        Assert.False(watch.TryRead(out _));
        await client.WriteAsync(Home + "/data/other", "1");
        Assert.Equal(new(Home + "/data/other", false), await NextAsync(watch));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_flood_of_many_nodes_changes_becomes_one_event_to_look_at_everything(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport, new() { WatchCapacity = 10 });
        await using XenStoreWatch watch = await client.WatchAsync(Home + "/data");
        await NextAsync(watch);
        WriteAsDom0(100, i => $"node{i}");
        await client.DirectoryAsync(Home + "/data");
        Assert.Equal(new(Home + "/data", true), await NextAsync(watch));
        Assert.False(watch.TryRead(out _));
        await client.WriteAsync(Home + "/data/other", "1");
        Assert.Equal(new(Home + "/data/other", false), await NextAsync(watch));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_reader_that_keeps_up_misses_no_node(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await using XenStoreWatch watch = await client.WatchAsync(Home + "/data");
        await NextAsync(watch);
        const int Nodes = 300;
        HashSet<string> seen = new();
        Task reader = Task.Run(async () =>
        {
            await foreach (XenStoreWatchEvent change in watch)
            {
                seen.UnionWith(change.MustRescan
                    ? (await client.DirectoryAsync(Home + "/data")).Select(name => $"{Home}/data/{name}")
                    : [change.Path]);
                if (seen.Contains(Home + $"/data/node{Nodes - 1}"))
                {
                    break;
                }
            }
        });
        WriteAsDom0(Nodes, i => $"node{i}");
        await reader.WaitAsync(TimeLimit);
        Assert.Subset(seen, Enumerable.Range(0, Nodes).Select(i => $"{Home}/data/node{i}").ToHashSet());
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Replies_pass_by_events_that_nobody_reads(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await using XenStoreWatch watch = await client.WatchAsync(Home + "/data");
        bool enough = false;
        Task flood = Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < 400 || !Volatile.Read(ref enough); i += 40)
                {
                    WriteAsDom0(40, node => $"node{node}");
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (int reads = 0; reads < 20 || client.Statistics.WatchEvents < 400; reads++)
        {
            Assert.Null(await client.TryReadAsync("data/none"));
        }

        Volatile.Write(ref enough, true);
        await flood;
    }

    private static async Task<XenStoreWatchEvent> NextAsync(XenStoreWatch watch)
    {
        using CancellationTokenSource limit = new(TimeLimit);
        Assert.True(await watch.WaitToReadAsync(limit.Token));
        Assert.True(watch.TryRead(out XenStoreWatchEvent change));
        return change;
    }

    private static async Task UntilAsync(XenStoreWatch watch, string path)
    {
        while ((await NextAsync(watch)).Path != path)
        {
        }
    }

    /// <summary>Events come before the reply to a request that is sent after their cause.</summary>
    private static async Task ExpectNothingAsync(XenStoreClient client, params XenStoreWatch[] watches)
    {
        await client.GetDomainPathAsync(1);
        Assert.DoesNotContain(watches, watch => watch.TryRead(out _));
    }

    private void WriteAsDom0(int writes, Func<int, string> node)
    {
        using RawStore dom0 = _daemon.ConnectRaw();
        for (int i = 0; i < writes; i++)
        {
            dom0.Expect(XsType.Write, $"{Home}/data/{node(i)}\0{i}");
        }
    }
}
