namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>A real daemon that dies, starts again or gives a ring up: every waiting call ends with one clear error.</summary>
public sealed class FailureTests : IAsyncLifetime
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(2);
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Fact]
    public async Task A_daemon_killed_in_the_middle_of_requests_fails_each_of_them_on_its_socket()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync();
        await client.WriteAsync("/node", "value");
        XenStoreWatch watch = await client.WatchAsync("/none");
        Task requests = ReadUntilFailureAsync(client, "/node");
        long begun = client.Statistics.Replies;
        Assert.True(SpinWait.SpinUntil(() => client.Statistics.Replies > begun + 100, TimeLimit));
        await _daemon.KillAsync();
        await requests.WaitAsync(TimeLimit);
        await client.Closed.WaitAsync(TimeLimit);
        Assert.Equal(XenStoreError.ConnectionClosed, client.ClosedReason?.Error);
        // The watch's first event is still there, and then the reason.
        Assert.True(await watch.WaitToReadAsync());
        Assert.True(watch.TryRead(out _));
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await watch.WaitToReadAsync());
        Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
        Assert.Equal("/none", error.Path);
        error = await Assert.ThrowsAsync<XenStoreException>(async () => await client.ReadAsync("/later"));
        Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
        Assert.Equal("/later", error.Path);
    }

    [Fact]
    public async Task A_client_connects_again_to_a_daemon_that_was_restarted()
    {
        await using (XenStoreClient before = await _daemon.ConnectAsync())
        {
            await before.WriteAsync("/node", "value");
            await _daemon.RestartAsync();
            await Assert.ThrowsAsync<XenStoreException>(async () => await before.ReadAsync("/node"));
        }

        await using XenStoreClient after = await _daemon.ConnectAsync();
        Assert.Null(await after.TryReadAsync("/node"));
    }

    [Fact]
    public async Task Requests_on_the_ring_of_a_killed_daemon_fail_when_their_time_is_up()
    {
        SimulatedDomain domain = _daemon.Introduce();
        ManualClock clock = new();
        await using XenStoreClient client = await domain.ConnectAsync(
            new() { RequestTimeLimit = TimeSpan.FromSeconds(1), DisposeTimeLimit = TimeSpan.FromTicks(1), TimeProvider = clock });
        await client.WriteAsync("data/node", "value");
        await _daemon.KillAsync();
        Task<string>[] reads = [.. Enumerable.Range(0, 200).Select(i => client.ReadAsync($"data/node{i}").AsTask())];
        clock.Advance(TimeSpan.FromSeconds(1));
        await Task.WhenAll(reads.Select(read => Assert.ThrowsAsync<XenStoreException>(() => read))).WaitAsync(TimeLimit);
        for (int i = 0; i < reads.Length; i++)
        {
            XenStoreException error = (XenStoreException)reads[i].Exception!.InnerException!;
            Assert.Equal(XenStoreError.TimedOut, error.Error);
            Assert.Equal($"data/node{i}", error.Path);
            Assert.Contains("req_prod 0x", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_ring_served_by_a_restarted_daemon_ends_the_old_connection_and_carries_a_new_one()
    {
        SimulatedDomain domain = _daemon.Introduce();
        await using (XenStoreClient before = await domain.ConnectAsync())
        {
            XenStoreWatch watch = await before.WatchAsync("data");
            await before.WriteAsync("data/node", "value");
            await _daemon.KillAsync();
            Task<string>[] reads = [.. Enumerable.Range(0, 100).Select(_ => before.ReadAsync("data/node").AsTask())];
            await _daemon.RestartAsync();
            _daemon.Reintroduce(domain);
            foreach (Task<string> read in reads)
            {
                XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(() => read.WaitAsync(TimeLimit));
                Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
                Assert.Contains("restarted", error.Message, StringComparison.Ordinal);
            }

            while (watch.TryRead(out _))
            {
            }

            await Assert.ThrowsAsync<XenStoreException>(async () => await watch.WaitToReadAsync().AsTask().WaitAsync(TimeLimit));
        }

        await using XenStoreClient after = await domain.ConnectAsync();
        Assert.Null(await after.TryReadAsync("data/node"));
        await after.WriteAsync("data/node", "new");
        Assert.Equal("new", await after.ReadAsync("data/node"));
    }

    [Theory]
    [InlineData(Transport.Socket)]
    [InlineData(Transport.Ring)]
    public async Task A_daemon_killed_over_and_over_never_leaves_a_request_hanging(Transport transport)
    {
        SimulatedDomain domain = _daemon.Introduce();
        for (int round = 0; round < 5; round++)
        {
            await using XenStoreClient client = transport == Transport.Socket ? await _daemon.ConnectAsync() : await domain.ConnectAsync();
            await client.WriteAsync("/local/domain/1/data/node", "value");
            Task requests = ReadUntilFailureAsync(client, "/local/domain/1/data/node");
            await Task.Delay(round);
            await _daemon.RestartAsync();
            _daemon.Reintroduce(domain);
            await requests.WaitAsync(TimeLimit);
            Assert.Equal(XenStoreError.ConnectionClosed, client.ClosedReason?.Error);
        }
    }

    [Fact]
    public async Task A_torn_request_index_is_reported_with_the_daemons_error_2()
    {
        SimulatedDomain domain = _daemon.Introduce();
        await using XenStoreClient client = await domain.ConnectAsync();
        await client.WriteAsync("data/node", "value");
        domain[SimulatedDomain.RequestProducer] += 1025;
        domain.Notify();
        Assert.True(SpinWait.SpinUntil(() => domain[SimulatedDomain.Error] == 2, TimeLimit));
        domain[SimulatedDomain.RequestProducer] -= 1025;
        await ExpectGivenUpAsync(client, "error 2 (XENSTORE_ERROR_RINGIDX");
    }

    [Fact]
    public async Task A_message_damaged_on_the_ring_is_reported_with_the_daemons_error_3()
    {
        SimulatedDomain domain = _daemon.Introduce();
        DamagingDoorbell doorbell = new(domain);
        await using XenStoreClient client = await XenStoreClient.ConnectAsync(new XenStoreRingTransport(domain, doorbell));
        await client.WriteAsync("data/node", "value");
        doorbell.Damage = true;
        await ExpectGivenUpAsync(client, "error 3 (XENSTORE_ERROR_PROTO");
    }

    [Theory]
    [InlineData(1025, "error 2 (XENSTORE_ERROR_RINGIDX")]
    [InlineData(16, "error 3 (XENSTORE_ERROR_PROTO")]
    public async Task A_ring_that_was_given_up_before_is_not_connected_to(int announced, string expected)
    {
        SimulatedDomain domain = _daemon.Introduce();
        byte[] header = new byte[16];
        RawStore.WriteHeader(header, (uint)XsType.Read, 1, 0, 4097);
        for (uint i = 0; i < header.Length; i++)
        {
            domain.SetByte(i, header[i]);
        }

        domain[SimulatedDomain.RequestProducer] += (uint)announced;
        domain.Notify();
        Assert.True(SpinWait.SpinUntil(() => domain[SimulatedDomain.Error] != 0, TimeLimit));
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () => await domain.ConnectAsync());
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_that_is_introduced_again_is_served_after_its_ring_was_given_up()
    {
        SimulatedDomain domain = _daemon.Introduce();
        domain[SimulatedDomain.RequestProducer] += 1025;
        domain.Notify();
        Assert.True(SpinWait.SpinUntil(() => domain[SimulatedDomain.Error] == 2, TimeLimit));
        _daemon.Release(domain);
        // What a toolstack does with the page before it introduces a domain.
        domain[SimulatedDomain.RequestProducer] = 0;
        domain[SimulatedDomain.Error] = 0;
        _daemon.Reintroduce(domain);
        await using XenStoreClient client = await domain.ConnectAsync();
        await client.WriteAsync("data/node", "value");
        Assert.Equal("value", await client.ReadAsync("data/node"));
    }

    [Fact]
    public async Task A_socket_without_a_daemon_is_an_error_that_names_it()
    {
        await _daemon.KillAsync();
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(
            async () => await _daemon.ConnectAsync(new() { ConnectTimeLimit = TimeSpan.FromSeconds(1) }));
        Assert.Contains(_daemon.SocketPath, error.Message, StringComparison.Ordinal);
    }

    private static async Task ExpectGivenUpAsync(XenStoreClient client, string expected)
    {
        // Far less than the time limit of a request, whose error would not tell the reason.
        Task<string>[] reads = [.. Enumerable.Range(0, 30).Select(i => client.ReadAsync($"data/node{i}").AsTask())];
        for (int i = 0; i < reads.Length; i++)
        {
            XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(() => reads[i].WaitAsync(TimeLimit));
            Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
            Assert.Equal($"data/node{i}", error.Path);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Keeps 40 reads under way until each of the 40 has failed.</summary>
    private static Task ReadUntilFailureAsync(XenStoreClient client, string path) =>
        Task.WhenAll(Enumerable.Range(0, 40).Select(async _ =>
        {
            XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(async () =>
            {
                while (true)
                {
                    Assert.Equal("value", await client.ReadAsync(path));
                }
            });
            Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
            Assert.Equal(path, error.Path);
        }));

    /// <summary>Makes the next request announce one byte more than a message may have, before the daemon hears of it.</summary>
    private sealed class DamagingDoorbell(SimulatedDomain domain) : IRingDoorbell
    {
        private readonly DomainDoorbell _doorbell = new(domain);

        public bool Damage { get; set; }

        public void Notify()
        {
            if (Damage)
            {
                Damage = false;
                uint length = domain[SimulatedDomain.RequestConsumer] + 12;
                domain.SetByte(length, 4097 & 0xFF);
                domain.SetByte(length + 1, 4097 >> 8);
            }

            _doorbell.Notify();
        }

        public ValueTask WaitAsync(CancellationToken cancellationToken) => _doorbell.WaitAsync(cancellationToken);
    }
}
