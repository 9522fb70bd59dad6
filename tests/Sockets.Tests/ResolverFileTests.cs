using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Net.Base;
using Xenlet.Net.Configuration;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets.Tests;

/// <summary>/etc/resolv.conf and /etc/hosts, which the stack makes of its settings and of what the network tells.</summary>
public sealed class ResolverFileTests
{
    private static readonly TimeSpan Ever = TimeSpan.FromMinutes(10);

    [Fact]
    public void The_owner_s_servers_and_domains_are_there_at_once()
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host, Ever, ("XENLET_DNS", "10.0.0.1, fd00::1"), ("XENLET_DNS_SEARCH", "example.org,test"));
        (SocketErrno result, string content, _) = host.ReadFile("/etc/resolv.conf");
        Assert.Equal((SocketErrno.None, "nameserver 10.0.0.1\nnameserver fd00::1\nsearch example.org test\n"), (result, content));
    }

    [Theory]
    [InlineData("XENLET_DNS", "10.0.0.300", "XENLET_DNS has '10.0.0.300', which is no address of IPv4 or IPv6")]
    [InlineData("XENLET_DNS_SEARCH", "a\nnameserver", "XENLET_DNS_SEARCH has 'a\nnameserver', which is no domain")]
    public void What_is_malformed_is_reported_and_left_out(string name, string value, string expected)
    {
        List<string> reports = [];
        TestSocketHost host = new();
        using SocketStack stack = Start(host, TimeSpan.Zero, reports.Add, (name, value));
        Assert.Equal("", host.ReadFile("/etc/resolv.conf").Content);
        Assert.Equal([expected], reports);
    }

    [Fact]
    public async Task Without_a_server_who_asks_waits_until_an_interface_has_an_address()
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host, Ever, ("XENLET_IP", "10.0.0.1/24"));
        Task<(SocketErrno Result, string Content, DateTime)> asking = Task.Run(() => host.ReadFile("/etc/resolv.conf"));
        Assert.Equal(SocketErrno.None, host.ReadFile("/etc/hosts").Result);
        Assert.False(asking.IsCompleted, "the question was answered before there was an address");

        (MemoryLink link, _) = MemoryLink.MakePair();
        link.Wake = stack.Wake;
        stack.AddLink("vif0", link);
        Assert.Equal((SocketErrno.None, ""), ((await asking).Result, (await asking).Content));
    }

    [Fact]
    public void The_limit_is_there_once()
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host, TimeSpan.FromMilliseconds(20));
        for (int i = 0; i < 3; i++)
        {
            (SocketErrno result, string content, DateTime modified) = host.ReadFile("/etc/resolv.conf");
            Assert.Equal((SocketErrno.None, ""), (result, content));
            Assert.NotEqual(default, modified);
        }
    }

    /// <summary>glibc reads the file again when its time is another one, and only then.</summary>
    [Fact]
    public void What_a_network_tells_follows_the_owner_s_and_changes_the_time_even_if_the_clock_is_set_back()
    {
        FixedClock clock = new();
        IpStack stack = new(clock, new SystemRandom());
        List<(string Content, DateTime Modified)> answers = [];
        ResolverFile file = new(
            stack,
            new ResolverSettings([InternetAddress.FromIPv4(0x0A00_0001)], ["own.test"], Ever),
            (_, content, modified) => answers.Add((content, modified)));
        ConfigurationSource source = new(null!, AddressOrigin.Dhcp, default);

        file.Serve(default);
        file.Serve(default);
        clock.UtcNow = clock.UtcNow.AddDays(-1);
        stack.Resolver.SetServer(source, InternetAddress.FromIPv4(0x0A00_0035), long.MaxValue);
        stack.Resolver.SetServer(source, InternetAddress.FromIPv4(0x0A00_0001), long.MaxValue);
        stack.Resolver.SetDomain(source, "told.test", long.MaxValue);
        file.Serve(default);
        stack.Resolver.Clear(source);
        file.Serve(default);

        const string own = "nameserver 10.0.0.1\nsearch own.test\n";
        const string all = "nameserver 10.0.0.1\nnameserver 10.0.0.53\nsearch own.test told.test\n";
        Assert.Equal([own, own, all, own], answers.Select(answer => answer.Content));
        Assert.Equal([0, 0, 1, 2], answers.Select(answer => (answer.Modified - answers[0].Modified).Ticks));
    }

    [Fact]
    public void Who_waits_is_answered_with_the_first_server_that_a_network_tells()
    {
        IpStack stack = new(new FixedClock(), new SystemRandom());
        List<string> answers = [];
        ResolverFile file = new(stack, new ResolverSettings([], [], Ever), (_, content, _) => answers.Add(content));
        file.Serve(default);
        file.Serve(default);
        _ = stack.Run();
        Assert.Empty(answers);
        stack.Resolver.SetServer(
            new ConfigurationSource(null!, AddressOrigin.Dhcp, default), InternetAddress.FromIPv4(0x0A00_0035), long.MaxValue);
        _ = stack.Run();
        Assert.Equal(["nameserver 10.0.0.53\n", "nameserver 10.0.0.53\n"], answers);
    }

    [Fact]
    public void The_own_name_stands_for_the_own_addresses()
    {
        using TwoGuests guests = new();
        string name = Environment.MachineName;
        string expected = $"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.0.0.2 {name}\nfd00::2 {name}\n";
        Assert.True(
            SpinWait.SpinUntil(() => guests.Hosts[1].ReadFile("/etc/hosts").Content == expected, Ever),
            $"/etc/hosts has not come to be {expected}, but is {guests.Hosts[1].ReadFile("/etc/hosts").Content}");

        TestSocketHost host = new();
        using SocketStack alone = Start(host, Ever);
        Assert.EndsWith($"\n127.0.1.1 {name}\n", host.ReadFile("/etc/hosts").Content, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/etc/resolv.conf.d")]
    [InlineData("/proc/net/")]
    [InlineData("/proc/net/../../etc/hosts")]
    public void There_are_no_other_files(string path)
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host, TimeSpan.Zero);
        Assert.Equal(SocketErrno.ENOENT, host.ReadFile(path).Result);
        Assert.Equal(SocketErrno.ENOENT, host.ReadFile(new string('/', 4_000)).Result);
    }

    private static SocketStack Start(TestSocketHost host, TimeSpan limit, params (string Name, string Value)[] settings) =>
        Start(host, limit, report => Assert.Fail(report), settings);

    private static SocketStack Start(
        TestSocketHost host,
        TimeSpan limit,
        Action<string> report,
        params (string Name, string Value)[] settings)
    {
        SocketStack stack = new(host, new()
        {
            AddressLimit = limit,
            Addresses = AddressSettings.From(settings.ToDictionary(each => each.Name, each => each.Value)),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero },
            Report = report,
        });
        stack.Start();
        return stack;
    }

    private sealed class FixedClock : IStackClock
    {
        public long Now => 1;

        public DateTime UtcNow { get; set; } = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    }
}
