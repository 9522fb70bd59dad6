namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>The client's transactions on a real daemon.</summary>
public sealed class TransactionTests : IAsyncLifetime
{
    private const string Home = "/local/domain/1";
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Theory]
    [CombinatorialTransports]
    public async Task What_is_written_is_seen_inside_at_once_and_outside_after_the_commit(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/gone", "1");
        await using XenStoreTransaction transaction = await client.BeginTransactionAsync();
        await transaction.WriteAsync("data/new", "1");
        await transaction.RemoveAsync("data/gone");
        Assert.Equal(["new"], await transaction.DirectoryAsync("data"));
        Assert.Equal(["gone"], await client.DirectoryAsync("data"));
        await transaction.CommitAsync();
        Assert.Equal(["new"], await client.DirectoryAsync("data"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_commit_fires_once_for_each_node(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/gone", "1");
        await using XenStoreWatch watch = await client.WatchAsync("data");
        Assert.True(await watch.WaitToReadAsync());
        Assert.True(watch.TryRead(out _));
        await using XenStoreTransaction transaction = await client.BeginTransactionAsync();
        await transaction.WriteAsync("data/node", "1");
        await transaction.WriteAsync("data/node", "2");
        await transaction.RemoveAsync("data/gone");
        Assert.False(watch.TryRead(out _));
        await transaction.CommitAsync();
        // Its events come before a commit's reply.
        List<string> changed = new();
        while (watch.TryRead(out XenStoreWatchEvent change))
        {
            changed.Add(change.Path);
        }

        Assert.Equal(["data/gone", "data/node"], changed.Order(StringComparer.Ordinal));
    }

    /// <summary>What a transaction does where "dir" and "dir/old" are there, and the events of its commit: node|watch each.</summary>
    public static TheoryData<string, string> Commits => new()
    {
        { "rm dir", "dir/old|exact dir|above" },
        // The event of a change goes to every watch, and stays so when the node is then removed with its directory.
        { "write dir/old, rm dir", "dir/old|above dir/old|exact dir|above" },
        { "perms dir/old, rm dir", "dir/old|above dir/old|exact dir|above" },
        { "rm dir/old, rm dir", "dir/old|above dir/old|exact dir|above" },
        { "rm dir, write dir/old", "dir/old|above dir/old|exact dir|above" },
        { "mkdir dir/old, rm dir", "dir/old|exact dir|above" },
        { "perms dir/old", "dir/old|above dir/old|exact" },
        // There is no event for a node that no other client could see.
        { "write dir/new, rm dir/new", "" },
        { "mkdir dir/new, perms dir/new, rm dir/new", "" },
        { "mkdir dir/new, rm dir", "dir/old|exact dir|above" },
        { "rm dir, write dir/new", "dir/new|above dir/new|exact dir/old|exact dir|above" },
    };

    /// <summary>The same over each transport.</summary>
    public static IEnumerable<object[]> CommitsByTransport =>
        from transport in Enum.GetValues<Transport>()
        from commit in Commits
        select (object[])[transport, .. commit];

    [Theory]
    [MemberData(nameof(CommitsByTransport))]
    public async Task A_commit_tells_what_the_transaction_did_to_each_node(Transport transport, string inside, string events)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/dir/old", "1");
        await using XenStoreWatch above = await client.WatchAsync("data");
        await using XenStoreWatch old = await client.WatchAsync("data/dir/old");
        await using XenStoreWatch made = await client.WatchAsync("data/dir/new");
        List<string> heard = new();
        void Hear(XenStoreWatch watch, string name)
        {
            while (watch.TryRead(out XenStoreWatchEvent change))
            {
                heard.Add($"{change.Path["data/".Length..]}|{name}");
            }
        }

        foreach (XenStoreWatch watch in new[] { above, old, made })
        {
            Assert.True(await watch.WaitToReadAsync());
            Assert.True(watch.TryRead(out _));
        }

        await using XenStoreTransaction transaction = await client.BeginTransactionAsync();
        foreach (string[] step in inside.Split(", ").Select(step => step.Split(' ')))
        {
            string path = $"data/{step[1]}";
            await (step[0] switch
            {
                "write" => transaction.WriteAsync(path, "2"),
                "mkdir" => transaction.MakeDirectoryAsync(path),
                "rm" => transaction.RemoveAsync(path),
                "perms" => transaction.SetPermissionsAsync(path, await transaction.GetPermissionsAsync(path)),
                _ => throw new ArgumentException($"no such step: {step[0]}", nameof(inside)),
            });
        }

        await transaction.CommitAsync();
        Hear(above, "above");
        Hear(old, "exact");
        Hear(made, "exact");
        Assert.Equal(events, string.Join(' ', heard.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData(Transport.Socket, true)]
    [InlineData(Transport.Socket, false)]
    [InlineData(Transport.Ring, true)]
    [InlineData(Transport.Ring, false)]
    public async Task An_aborted_transaction_leaves_nothing(Transport transport, bool byDispose)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.MakeDirectoryAsync("data");
        // More often than a domain may have transactions open.
        for (int i = 0; i < 30; i++)
        {
            await using XenStoreTransaction transaction = await client.BeginTransactionAsync();
            await transaction.WriteAsync("data/node", "1");
            if (!byDispose)
            {
                await transaction.AbortAsync();
            }
        }

        Assert.False(await client.ExistsAsync("data/node"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task An_ended_transaction_is_not_used_again(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await using XenStoreTransaction transaction = await client.BeginTransactionAsync();
        await transaction.CommitAsync();
        long asked = client.Statistics.Requests;
        foreach (Func<Task> use in new Func<Task>[]
        {
            async () => await transaction.ReadAsync("data"),
            async () => await transaction.WriteAsync("data/node", "1"),
            async () => await transaction.CommitAsync(),
            async () => await transaction.AbortAsync(),
        })
        {
            InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(use);
            Assert.Contains($"transaction {transaction.Id} has ended", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(asked, client.Statistics.Requests);
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_conflict_fails_the_commit_and_fires_nothing(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync(Home + "/data/a", "old");
        await using XenStoreWatch watch = await client.WatchAsync(Home + "/data/b");
        Assert.True(await watch.WaitToReadAsync());
        Assert.True(watch.TryRead(out _));
        await using XenStoreTransaction first = await client.BeginTransactionAsync();
        await using XenStoreTransaction second = await client.BeginTransactionAsync();
        foreach (XenStoreTransaction transaction in new[] { first, second })
        {
            await transaction.ReadAsync(Home + "/data/a");
            await transaction.WriteAsync(Home + "/data/b", "1");
        }

        WriteAsDom0("a", "new");
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await first.CommitAsync());
        Assert.Equal(XenStoreError.EAGAIN, error.Error);
        Assert.Equal(XenStoreMessageType.TransactionEnd, error.Operation);
        Assert.False(await second.TryCommitAsync());
        Assert.False(watch.TryRead(out _));
        Assert.False(await client.ExistsAsync(Home + "/data/b"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_conflict_runs_the_body_again(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        WriteAsDom0("a", "0");
        int runs = 0;
        string seen = await client.TransactAsync(async (transaction, cancellation) =>
        {
            string value = await transaction.ReadAsync(Home + "/data/a", cancellation);
            if (++runs < 4)
            {
                WriteAsDom0("a", $"{runs}");
            }

            await transaction.WriteAsync(Home + "/data/b", value, cancellation);
            return value;
        });
        Assert.Equal(4, runs);
        Assert.Equal("3", seen);
        Assert.Equal("3", await client.ReadAsync(Home + "/data/b"));
    }

    [Fact]
    public async Task Conflicts_without_end_are_given_up()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring, new() { TransactionAttempts = 3 });
        int runs = 0;
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(
            async () => await client.TransactAsync(async (transaction, cancellation) =>
        {
            await transaction.TryReadAsync("data/a", cancellation);
            WriteAsDom0("a", $"{++runs}");
        }));
        Assert.Equal(XenStoreError.EAGAIN, error.Error);
        Assert.Equal(3, runs);
        Assert.Contains("3 times", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_body_that_throws_ends_its_transaction(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.MakeDirectoryAsync("data");
        // More often than a domain may have transactions open.
        for (int i = 0; i < 30; i++)
        {
            await Assert.ThrowsAsync<FormatException>(async () => await client.TransactAsync(async (transaction, cancellation) =>
            {
                await transaction.WriteAsync("data/node", "1", cancellation);
                throw new FormatException();
            }));
        }

        Assert.False(await client.ExistsAsync("data/node"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_cancelled_body_ends_its_transaction(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.MakeDirectoryAsync("data");
        for (int i = 0; i < 30; i++)
        {
            using CancellationTokenSource cancellation = new();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await client.TransactAsync(
                async (transaction, token) =>
                {
                    await transaction.WriteAsync("data/node", "1", CancellationToken.None);
                    await cancellation.CancelAsync();
                    await transaction.ReadAsync("data/node", token);
                },
                cancellation.Token));
        }

        Assert.False(await client.ExistsAsync("data/node"));
    }

    [Fact]
    public async Task Transactions_beyond_the_quota_are_refused()
    {
        // The client's own limit would keep it from requesting more.
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring, new() { MaxTransactions = 50 });
        List<XenStoreTransaction> open = new();
        XenStoreException? refusal = null;
        while (refusal is null && open.Count < 50)
        {
            try
            {
                open.Add(await client.BeginTransactionAsync());
            }
            catch (XenStoreException error)
            {
                refusal = error;
            }
        }

        Assert.Equal(XenStoreError.ENOSPC, refusal?.Error);
        Assert.Equal(XenStoreMessageType.TransactionStart, refusal?.Operation);
        Assert.Equal(11, open.Count);
        await open[0].DisposeAsync();
        await using XenStoreTransaction another = await client.BeginTransactionAsync();
        await another.WriteAsync("data/node", "1");
        await another.CommitAsync();
        Assert.Equal("1", await client.ReadAsync("data/node"));
    }

    [Fact]
    public async Task Counters_that_two_clients_raise_in_transactions_miss_no_count()
    {
        await using XenStoreClient dom0 = await _daemon.ConnectAsync(Transport.Socket);
        await using XenStoreClient domain = await _daemon.ConnectAsync(Transport.Ring);
        await dom0.WriteAsync(Home + "/data/count", 0);
        const int Each = 20;
        async Task RaiseAsync(XenStoreClient client)
        {
            for (int i = 0; i < Each; i++)
            {
                await client.TransactAsync(async (transaction, cancellation) =>
                {
                    int count = await transaction.ReadInt32Async(Home + "/data/count", cancellation);
                    await transaction.WriteAsync(Home + "/data/count", count + 1, cancellation);
                });
            }
        }

        await Task.WhenAll(RaiseAsync(dom0), RaiseAsync(domain), RaiseAsync(dom0));
        Assert.Equal(3 * Each, await dom0.ReadInt32Async(Home + "/data/count"));
    }

    private void WriteAsDom0(string node, string value)
    {
        using RawStore dom0 = _daemon.ConnectRaw();
        dom0.Expect(XsType.Write, $"{Home}/data/{node}\0{value}");
    }
}
