namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>
/// The answers of xenstored 4.17, request by request, to a client that is not the library's. The library's tests, and the servers that they
/// play, rely on them.
/// </summary>
public sealed class TruthTableTests
{
    private const string Home = "/local/domain/1/data";

    /// <summary>Requests whose answers depend on nothing but the nodes a (value v1), dir/x, dir/y and big under the root.</summary>
    public static TheoryData<string, string, string> Answers => new()
    {
        { "Write", "%/b\0value", "OK" },
        { "Write", "%/b\0", "OK" },
        { "Write", "%/deep/er/node\0value", "OK" },
        { "Write", "%/b", "!EINVAL" },
        { "Write", "%/b\0" + "2000", "OK" },
        { "Read", "%/a\0", "v1" },
        { "Read", "%/none\0", "!ENOENT" },
        { "Read", "%//a\0", "!EINVAL" },
        { "Read", "%/b c\0", "!EINVAL" },
        { "Read", "%/é\0", "!EINVAL" },
        { "Read", "\0", "!EINVAL" },
        { "Directory", "%\0", "a\0dir" },
        { "Directory", "%/dir\0", "x\0y" },
        { "Directory", "%/a\0", "" },
        { "Directory", "%/\0", "!EINVAL" },
        { "Directory", "%/none\0", "!ENOENT" },
        { "DirectoryPart", "%/none\0" + "0\0", "!ENOENT" },
        { "Mkdir", "%/new\0", "OK" },
        { "Mkdir", "%/new/deep/er\0", "OK" },
        { "Mkdir", "%/a\0", "OK" },
        { "Rm", "%/a\0", "OK" },
        { "Rm", "%/dir\0", "OK" },
        { "Rm", "%/none\0", "OK" },
        { "Rm", "%/none/none\0", "!ENOENT" },
        { "SetPerms", "%/none\0n1\0", "!ENOENT" },
        { "Watch", "%/a\0token\0", "OK" },
        { "Watch", "%/none\0token\0", "OK" },
        { "Watch", "@releaseDomain\0token\0", "OK" },
        { "Watch", "@introduceDomain\0token\0", "OK" },
        { "Watch", "%/\0token\0", "!EINVAL" },
        { "Watch", "%/a\0token\0" + "1\0", "!EINVAL" },
        { "Unwatch", "%/a\0token\0", "!ENOENT" },
        { "ResetWatches", "\0", "OK" },
        { "ResetWatches", "", "OK" },
        { "TransactionEnd", "T\0", "!ENOENT" },
        { "GetDomainPath", "7\0", "/local/domain/7" },
        { "GetFeature", "1\0", "!ENOSYS" },
        { "Error", "\0", "!ENOSYS" },
        { "99", "\0", "!ENOSYS" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task Dom0_and_a_domain_are_answered_alike(string type, string payload, string expected)
    {
        payload = payload.Replace("2000", new string('v', 2000), StringComparison.Ordinal);
        foreach ((string transport, string root) in new[] { ("dom0", "/t"), ("dom0", Home), ("guest", "data"), ("guest", Home) })
        {
            await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
            SimulatedDomain domain = daemon.Introduce();
            using RawStore dom0 = daemon.ConnectRaw();
            using RawStore guest = new(new RingPipe(domain));
            string setupRoot = root[0] == '/' ? root : "/local/domain/1/" + root;
            foreach (string node in new[] { "/a\0v1", "/dir/x\0", "/dir/y\0" })
            {
                (transport == "guest" ? guest : dom0).Expect(XsType.Write, setupRoot + node);
            }

            RawMessage reply = (transport == "guest" ? guest : dom0).Request(
                Enum.Parse<XsType>(type), payload.Replace("%", root, StringComparison.Ordinal));
            Assert.Equal($"{transport} {root}: {expected}", $"{transport} {root}: {reply.Outcome}");
        }
    }

    [Theory]
    [InlineData("Read", "/\0")]
    [InlineData("Read", "/none\0")]
    [InlineData("Read", "/tool/none\0")]
    [InlineData("Directory", "/local/domain\0")]
    [InlineData("Write", "name\0value")]
    [InlineData("Mkdir", "device\0")]
    [InlineData("Rm", "/tool\0")]
    [InlineData("SetPerms", "/tool\0n1\0")]
    [InlineData("Introduce", "2\0" + "2\0" + "102\0")]
    [InlineData("Release", "1\0")]
    [InlineData("IsDomainIntroduced", "1\0")]
    [InlineData("SetTarget", "1\0" + "0\0")]
    public async Task An_unprivileged_domain_has_no_access(string type, string payload)
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        Assert.Equal("!EACCES", guest.Request(Enum.Parse<XsType>(type), payload).Outcome);
    }

    [Fact]
    public async Task A_value_keeps_every_byte()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore dom0 = daemon.ConnectRaw();
        dom0.Expect(XsType.Write, "/t\0a\0b\0");
        Assert.Equal("a\0b\0"u8.ToArray(), dom0.Request(XsType.Read, "/t\0").Payload);
    }

    [Theory]
    [InlineData(2001, "OK")]
    [InlineData(2040, "!ENOSPC")]
    public async Task A_domains_node_is_limited_to_2048_bytes(int length, string expected)
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        Assert.Equal(expected, guest.Request(XsType.Write, "data/n\0" + new string('v', length)).Outcome);
    }

    [Theory]
    [InlineData("", 2048, "!ENOENT")]
    [InlineData("", 2049, "!EINVAL")]
    [InlineData("/local/domain/1/", 2048, "!ENOENT")]
    [InlineData("/local/domain/1/", 2049, "!EINVAL")]
    [InlineData("/", 2047, "!ENOENT")]
    [InlineData("/", 2048, "!EINVAL")]
    public async Task The_length_of_a_path_without_its_domain_is_limited(string start, int length, string expected)
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore dom0 = daemon.ConnectRaw();
        Assert.Equal(expected, dom0.Request(XsType.Read, start + new string('p', length) + "\0").Outcome);
    }

    [Fact]
    public async Task A_watch_fires_at_once_after_its_reply_and_its_token_is_taken_for_its_path()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        guest.Expect(XsType.Watch, "data\0one\0");
        Assert.Empty(guest.Events);
        Assert.Equal("data|one", guest.NextEvent());
        Assert.Equal("!EEXIST", guest.Request(XsType.Watch, "data\0one\0").Outcome);
        guest.Expect(XsType.Watch, "data\0two\0");
        Assert.Equal("data|two", guest.NextEvent());
        guest.Expect(XsType.Unwatch, "data\0one\0");
        Assert.Equal("!ENOENT", guest.Request(XsType.Unwatch, "data\0one\0").Outcome);
    }

    [Fact]
    public async Task A_domains_130th_watch_is_refused()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        for (int i = 0; i < 129; i++)
        {
            guest.Expect(XsType.Watch, $"data\0{i}\0");
        }

        Assert.Equal("!E2BIG", guest.Request(XsType.Watch, "data\0last\0").Outcome);
    }

    [Fact]
    public async Task A_domains_twelfth_open_transaction_is_refused()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        uint first = guest.Begin();
        for (int i = 1; i < 11; i++)
        {
            Assert.Equal(first + (uint)i, guest.Begin());
        }

        Assert.Equal("!ENOSPC", guest.Request(XsType.TransactionStart, "\0").Outcome);
        Assert.Equal("!EBUSY", guest.Request(XsType.TransactionStart, "\0", first).Outcome);
        guest.Expect(XsType.TransactionEnd, "F\0", first);
        Assert.Equal("!ENOENT", guest.Request(XsType.TransactionEnd, "F\0", first).Outcome);
        Assert.Equal("!ENOENT", guest.Request(XsType.Read, "data\0", first).Outcome);
    }

    [Fact]
    public async Task A_conflicting_transaction_fails_whole_and_fires_nothing()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore dom0 = daemon.ConnectRaw();
        dom0.Expect(XsType.Write, "/t/a\0old");
        dom0.Expect(XsType.Watch, "/t\0w\0");
        dom0.EventsUntilNow();
        uint transaction = dom0.Begin();
        dom0.Expect(XsType.Read, "/t/a\0", transaction);
        dom0.Expect(XsType.Write, "/t/b\0in", transaction);
        dom0.Expect(XsType.Write, "/t/a\0out");
        Assert.Equal("!EAGAIN", dom0.Request(XsType.TransactionEnd, "T\0", transaction).Outcome);
        Assert.Equal(["/t/a|w"], dom0.EventsUntilNow());
        Assert.Equal("!ENOENT", dom0.Request(XsType.Read, "/t/b\0").Outcome);
    }

    [Fact]
    public async Task A_commit_fires_one_event_for_each_node_before_its_reply()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore dom0 = daemon.ConnectRaw();
        dom0.Expect(XsType.Write, "/t/gone\0");
        dom0.Expect(XsType.Watch, "/t\0w\0");
        dom0.EventsUntilNow();
        uint transaction = dom0.Begin();
        dom0.Expect(XsType.Write, "/t/a\0one", transaction);
        dom0.Expect(XsType.Write, "/t/a\0two", transaction);
        dom0.Expect(XsType.Rm, "/t/gone\0", transaction);
        Assert.Empty(dom0.Events);
        dom0.Expect(XsType.TransactionEnd, "T\0", transaction);
        Assert.Equal(
            ["/t/a|w", "/t/gone|w"], dom0.Events.Select(message => message.Outcome.Replace('\0', '|')).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Removing_a_directory_fires_for_itself_and_for_exact_watches_below()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore dom0 = daemon.ConnectRaw();
        dom0.Expect(XsType.Write, "/t/dir/x/y\0");
        dom0.Expect(XsType.Write, "/t/dir/z\0");
        dom0.Expect(XsType.Watch, "/t\0top\0");
        dom0.Expect(XsType.Watch, "/t/dir/x/y\0exact\0");
        dom0.EventsUntilNow();
        dom0.Expect(XsType.Rm, "/t/dir\0");
        Assert.Equal(["/t/dir/x/y|exact", "/t/dir|top"], dom0.EventsUntilNow().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Making_what_exists_fires_nothing_and_permissions_do_fire()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore dom0 = daemon.ConnectRaw();
        dom0.Expect(XsType.Mkdir, "/t\0");
        dom0.Expect(XsType.Watch, "/t\0w\0");
        dom0.EventsUntilNow();
        dom0.Expect(XsType.Mkdir, "/t\0");
        Assert.Empty(dom0.EventsUntilNow());
        dom0.Expect(XsType.SetPerms, "/t\0r0\0");
        Assert.Equal(["/t|w"], dom0.EventsUntilNow());
    }

    [Fact]
    public async Task A_directory_too_large_for_a_message_is_given_in_parts()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore dom0 = daemon.ConnectRaw();
        for (int i = 0; i < 300; i++)
        {
            dom0.Expect(XsType.Mkdir, $"/t/a-name-that-is-long-{i:D4}\0");
        }

        Assert.Equal("!E2BIG", dom0.Request(XsType.Directory, "/t\0").Outcome);
        RawMessage first = dom0.Request(XsType.DirectoryPart, "/t\0" + "0\0");
        string generation = first.Text[..(first.Text.IndexOf('\0', StringComparison.Ordinal) + 1)];
        int length = first.Text.Length - generation.Length;
        Assert.False(first.Text.EndsWith("\0\0", StringComparison.Ordinal));
        RawMessage second = dom0.Request(XsType.DirectoryPart, $"/t\0{length}\0");
        Assert.StartsWith(generation, second.Text, StringComparison.Ordinal);
        Assert.Equal(generation + "\0", dom0.Request(XsType.DirectoryPart, "/t\0" + "99999\0").Text);
        dom0.Expect(XsType.Mkdir, "/t/new\0");
        Assert.NotEqual(generation.TrimEnd('\0'), dom0.Expect(XsType.DirectoryPart, "/t\0" + "99999\0").TrimEnd('\0'));
    }

    [Theory]
    [InlineData(50)]
    [InlineData(100)]
    public async Task Equal_events_for_a_reader_that_sleeps_are_coalesced(int writes)
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        using RawStore dom0 = daemon.ConnectRaw();
        guest.Expect(XsType.Watch, "data\0w\0");
        guest.NextEvent();
        for (int i = 0; i < writes; i++)
        {
            dom0.Expect(XsType.Write, $"{Home}/node\0{i}");
        }

        Assert.InRange(guest.EventsUntilNow("data").Count, 1, writes - 1);
    }

    [Fact]
    public async Task Requests_sent_with_one_event_are_answered_in_order()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        byte[] requests = new byte[2 * 21];
        for (int i = 0; i < 2; i++)
        {
            RawStore.WriteHeader(requests.AsSpan(21 * i), (uint)XsType.Directory, 77 + (uint)i, 0, 5);
            "data\0"u8.CopyTo(requests.AsSpan((21 * i) + 16));
        }

        guest.SendBytes(requests);
        Assert.Equal(77u, guest.Receive().Id);
        Assert.Equal(78u, guest.Receive().Id);
    }

    [Fact]
    public async Task A_domain_that_tears_its_index_is_shut_out_with_error_2()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        SimulatedDomain domain = daemon.Introduce();
        domain[SimulatedDomain.RequestProducer] = domain[SimulatedDomain.RequestConsumer] + 1025;
        domain.Notify();
        Assert.True(SpinWait.SpinUntil(() => domain[SimulatedDomain.Error] != 0, TimeSpan.FromMinutes(2)));
        Assert.Equal(2u, domain[SimulatedDomain.Error]);
        Assert.Equal(0u, domain[SimulatedDomain.ServerFeatures]);
    }

    [Fact]
    public async Task A_domain_that_sends_too_long_a_message_is_shut_out_with_error_3()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        SimulatedDomain domain = daemon.Introduce();
        using RawStore guest = new(new RingPipe(domain));
        byte[] header = new byte[16];
        RawStore.WriteHeader(header, (uint)XsType.Read, 1, 0, 4097);
        guest.SendBytes(header);
        Assert.True(SpinWait.SpinUntil(() => domain[SimulatedDomain.Error] != 0, TimeSpan.FromMinutes(2)));
        Assert.Equal(3u, domain[SimulatedDomain.Error]);
    }
}
