namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>Each operation of the client, on a real daemon over either transport.</summary>
public sealed class OperationTests : IAsyncLifetime
{
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Theory]
    [CombinatorialTransports("", "v", "text with spaces, üñí and\nlines")]
    public async Task Text_is_read_as_written(Transport transport, string value)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/deep/node", value);
        Assert.Equal(value, await client.ReadAsync("data/deep/node"));
        Assert.Equal(value, await client.TryReadAsync("data/deep/node"));
        Assert.Equal("", await client.ReadAsync("data/deep"));
    }

    [Theory]
    [CombinatorialTransports(0, 1, 255, 256, 1009, 2000)]
    public async Task Bytes_are_read_as_written(Transport transport, int length)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        byte[] value = new byte[length];
        for (int i = 0; i < length; i++)
        {
            value[i] = (byte)(i * 7);
        }

        await client.WriteAsync("data/node", value);
        Assert.Equal(value, await client.ReadBytesAsync("data/node"));
        byte[] buffer = new byte[2048];
        Assert.Equal(length, await client.ReadAsync("data/node", buffer));
        Assert.Equal(value, buffer[..length]);
    }

    [Theory]
    [CombinatorialTransports(0L, -1L, 4294967296L)]
    public async Task Numbers_are_read_as_written(Transport transport, long value)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/number", value);
        Assert.Equal(value, await client.ReadInt64Async("data/number"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_missing_node_is_an_error_or_null(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        // dom0 has no directory "data" unless someone makes it.
        await client.MakeDirectoryAsync("data");
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await client.ReadAsync("data/none"));
        Assert.Equal(XenStoreError.ENOENT, error.Error);
        Assert.Equal(XenStoreMessageType.Read, error.Operation);
        Assert.Equal("data/none", error.Path);
        Assert.Contains("data/none", error.Message, StringComparison.Ordinal);
        Assert.Null(await client.TryReadAsync("data/none"));
        Assert.Null(await client.TryReadBytesAsync("data/none"));
        Assert.Null(await client.TryReadInt32Async("data/none"));
        Assert.Null(await client.TryReadInt64Async("data/none"));
        Assert.Null(await client.TryDirectoryAsync("data/none"));
        Assert.False(await client.ExistsAsync("data/none"));
        Assert.False(await client.TryRemoveAsync("data/none/none"));
        Assert.True(await client.TryRemoveAsync("data/none"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Directories_are_made_listed_and_removed(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.MakeDirectoryAsync("data/dir/deep/er");
        await client.MakeDirectoryAsync("data/dir/deep/er");
        await client.WriteAsync("data/dir/b", "1");
        await client.WriteAsync("data/dir/a", "2");
        Assert.Equal(["a", "b", "deep"], (await client.DirectoryAsync("data/dir")).Order(StringComparer.Ordinal));
        Assert.Empty(await client.DirectoryAsync("data/dir/a"));
        Assert.True(await client.ExistsAsync("data/dir/deep"));
        await client.RemoveAsync("data/dir");
        Assert.False(await client.ExistsAsync("data/dir/a"));
        Assert.Empty(await client.DirectoryAsync("data"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Permissions_are_read_as_set(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/node", "1");
        uint owner = transport == Transport.Ring ? 1u : 0u;
        XenStorePermissionEntry[] permissions =
            [new(owner, XenStoreRights.None), new(2, XenStoreRights.Read), new(3, XenStoreRights.Write), new(4, XenStoreRights.ReadWrite)];
        await client.SetPermissionsAsync("data/node", permissions);
        Assert.Equal(permissions, await client.GetPermissionsAsync("data/node"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_domain_has_a_path(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        Assert.Equal("/local/domain/7", await client.GetDomainPathAsync(7));
    }

    [Fact]
    public async Task Dom0_learns_whether_a_domain_is_introduced()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync();
        Assert.False(await client.IsDomainIntroducedAsync(1));
        SimulatedDomain domain = _daemon.Introduce();
        Assert.True(await client.IsDomainIntroducedAsync(1));
        _daemon.Release(domain);
        Assert.False(await client.IsDomainIntroducedAsync(1));
    }

    [Theory]
    [InlineData("/t/")]
    [InlineData("/t//a")]
    [InlineData("/t/b c")]
    [InlineData("")]
    [InlineData("/é")]
    public async Task A_path_that_the_daemon_refuses_is_refused_without_asking_it(string path)
    {
        using RawStore raw = _daemon.ConnectRaw();
        Assert.Equal("!EINVAL", raw.Request(XsType.Read, path + "\0").Outcome);
        await using XenStoreClient client = await _daemon.ConnectAsync();
        long asked = client.Statistics.Requests;
        foreach (Func<Task> operation in Operations(client, path))
        {
            XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(operation);
            Assert.Equal(XenStoreError.EINVAL, error.Error);
        }

        Assert.Equal(asked, client.Statistics.Requests);
    }

    [Theory]
    [InlineData("/secret")]
    [InlineData("/none")]
    [InlineData("/local/domain/0/name")]
    public async Task A_domain_has_no_access_to_what_is_not_its_own(string path)
    {
        using (RawStore raw = _daemon.ConnectRaw())
        {
            raw.Expect(XsType.Write, "/secret\0value");
        }

        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring);
        foreach (Func<Task> operation in Operations(client, path))
        {
            XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(operation);
            Assert.Equal(XenStoreError.EACCES, error.Error);
            Assert.Equal(path, error.Path);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }

        using RawStore after = _daemon.ConnectRaw();
        Assert.Equal("value", after.Expect(XsType.Read, "/secret\0"));
    }

    [Fact]
    public async Task A_domain_may_not_ask_about_domains()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring);
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await client.IsDomainIntroducedAsync(1));
        Assert.Equal(XenStoreError.EACCES, error.Error);
    }

    [Fact]
    public async Task A_node_larger_than_a_domain_may_have_is_refused_and_stays_what_it_was()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring);
        await client.WriteAsync("data/node", "old");
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(
            async () => await client.WriteAsync("data/node", new byte[2040]));
        Assert.Equal(XenStoreError.ENOSPC, error.Error);
        Assert.Equal("old", await client.ReadAsync("data/node"));
    }

    [Fact]
    public async Task A_domains_nodes_are_limited_and_one_removed_makes_room_for_another()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync("-E", "20");
        await using XenStoreClient client = await daemon.ConnectAsync(Transport.Ring);
        int made = 0;
        XenStoreException? error = null;
        while (error is null && made < 100)
        {
            try
            {
                await client.WriteAsync($"data/n{made}", made);
                made++;
            }
            catch (XenStoreException refusal)
            {
                error = refusal;
            }
        }

        Assert.Equal(XenStoreError.ENOSPC, error?.Error);
        Assert.Equal(made, (await client.DirectoryAsync("data")).Length);
        await client.RemoveAsync("data/n0");
        await client.WriteAsync("data/other", "1");
        await Assert.ThrowsAsync<XenStoreException>(async () => await client.WriteAsync("data/one-more", "1"));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_directory_of_2000_names_is_listed_whole(Transport transport)
    {
        MakeEntries(2000);
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Socket);
        await using XenStoreClient tested = transport == Transport.Socket ? client : await ConnectToExistingAsync();
        string[] names = await tested.DirectoryAsync("/local/domain/1/data/many");
        Assert.Equal(Enumerable.Range(0, 2000).Select(Entry), names.Order(StringComparer.Ordinal));
    }

    [Theory]
    [CombinatorialTransports]
    public async Task A_listing_in_parts_starts_again_when_the_directory_changes(Transport transport)
    {
        MakeEntries(1000);
        await using XenStoreClient tested = transport == Transport.Socket ? await _daemon.ConnectAsync() : await ConnectToExistingAsync();
        const string Path = "/local/domain/1/data/many";
        using RawStore dom0 = _daemon.ConnectRaw();
        dom0.Expect(XsType.Mkdir, $"{Path}/swap-0\0");
        long before = tested.Statistics.Requests;
        await tested.DirectoryAsync(Path);
        long undisturbed = tested.Statistics.Requests - before;
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        bool restarted = false;
        for (int round = 0; !restarted; round++)
        {
            before = tested.Statistics.Requests;
            Task<string[]> listing = tested.DirectoryAsync(Path, limit.Token).AsTask();
            // One change during each listing, at different times.
            SpinWait.SpinUntil(() => listing.IsCompleted || tested.Statistics.Requests > before + (round % undisturbed));
            SwapEntries(dom0, Path, round);
            string[] names = await listing;
            // At every moment there is one of the two names that are swapped.
            Assert.Equal(1001, names.Distinct().Count());
            Assert.Equal(1001, names.Length);
            restarted = tested.Statistics.Requests - before > undisturbed;
        }
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Many_requests_in_flight_all_get_their_own_answers(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/n0", "value 0");
        await client.WriteAsync("data/n1", new string('v', 1500));
        await client.WriteAsync("data/n2", "");
        Task<string?>[] reads = [.. Enumerable.Range(0, 2000).Select(i => client.TryReadAsync($"data/n{i % 4}").AsTask())];
        string?[] values = await Task.WhenAll(reads);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.Equal((i % 4) switch { 0 => "value 0", 1 => new string('v', 1500), 2 => "", _ => null }, values[i]);
        }
    }

    [Theory]
    [CombinatorialTransports]
    public async Task Cancelled_requests_leave_the_others_alone(Transport transport)
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(transport);
        await client.WriteAsync("data/node", "value");
        using CancellationTokenSource cancellation = new();
        Task<string>[] reads =
            [.. Enumerable.Range(0, 400).Select(i => client.ReadAsync("data/node", i % 2 == 0 ? cancellation.Token : default).AsTask())];
        await cancellation.CancelAsync();
        for (int i = 0; i < reads.Length; i++)
        {
            try
            {
                Assert.Equal("value", await reads[i]);
            }
            catch (OperationCanceledException) when (i % 2 == 0)
            {
                // Cancelled before its answer came.
            }
        }

        Assert.Contains(reads, read => read.IsCanceled);
        Assert.Equal("value", await client.ReadAsync("data/node"));
    }

    private static IEnumerable<Func<Task>> Operations(XenStoreClient client, string path) =>
    [
        async () => await client.ReadAsync(path),
        async () => await client.WriteAsync(path, "new"),
        async () => await client.MakeDirectoryAsync(path),
        async () => await client.RemoveAsync(path),
        async () => await client.DirectoryAsync(path),
        async () => await client.GetPermissionsAsync(path),
        async () => await client.SetPermissionsAsync(path, [new(1, XenStoreRights.None)]),
    ];

    private static string Entry(int number) => $"an-entry-{number:D4}";

    /// <summary>Removes one of two names and adds the other, in one transaction.</summary>
    private static void SwapEntries(RawStore dom0, string path, int round)
    {
        uint transaction = dom0.Begin();
        dom0.Expect(XsType.Rm, $"{path}/swap-{round % 2}\0", transaction);
        dom0.Expect(XsType.Mkdir, $"{path}/swap-{(round + 1) % 2}\0", transaction);
        dom0.Expect(XsType.TransactionEnd, "T\0", transaction);
    }

    private void MakeEntries(int count)
    {
        SimulatedDomain domain = _daemon.Introduce();
        Assert.Equal(1, domain.Domid);
        _domain = domain;
        using RawStore dom0 = _daemon.ConnectRaw();
        for (int i = 0; i < count; i++)
        {
            dom0.Expect(XsType.Mkdir, $"/local/domain/1/data/many/{Entry(i)}\0");
        }
    }

    private ValueTask<XenStoreClient> ConnectToExistingAsync() => _domain!.ConnectAsync();

    private SimulatedDomain? _domain;
}

/// <summary>Both transports, each with every one of the values given.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CombinatorialTransportsAttribute(params object[] values) : Xunit.Sdk.DataAttribute
{
    /// <inheritdoc/>
    public override IEnumerable<object[]> GetData(System.Reflection.MethodInfo testMethod) =>
        from transport in Enum.GetValues<Transport>()
        from arguments in values.Length == 0 ? [Array.Empty<object>()] : values.Select(value => new[] { value })
        select (object[])[transport, .. arguments];
}
