using System.Diagnostics;

namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>The daemon and its surroundings, before any code of the library comes into play.</summary>
public sealed class DaemonTests
{
    [Fact]
    public async Task The_socket_serves_dom0_and_the_ring_an_unprivileged_domain()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        SimulatedDomain domain = daemon.Introduce();
        using RawStore dom0 = daemon.ConnectRaw();
        using RawStore guest = new(new RingPipe(domain));
        Assert.Equal("/local/domain/1", guest.Expect(XsType.GetDomainPath, "1\0"));
        guest.Expect(XsType.Write, "data/from-guest\0value");
        Assert.Equal("value", dom0.Expect(XsType.Read, "/local/domain/1/data/from-guest\0"));
        dom0.Expect(XsType.Write, "/secret\0value");
        Assert.Equal("!EACCES", guest.Request(XsType.Read, "/secret\0").Outcome);
    }

    [Fact]
    public async Task Messages_larger_than_the_ring_pass_through_it()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        using RawStore guest = new(new RingPipe(daemon.Introduce()));
        string value = new('v', 2000);
        guest.Expect(XsType.Write, "data/long\0" + value);
        Assert.Equal(value, guest.Expect(XsType.Read, "data/long\0"));
    }

    [Fact]
    public async Task A_restarted_daemon_knows_neither_nodes_nor_domains()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        SimulatedDomain domain = daemon.Introduce();
        using (RawStore before = daemon.ConnectRaw())
        {
            before.Expect(XsType.Write, "/node\0value");
            await daemon.RestartAsync();
            Assert.ThrowsAny<Exception>(() => before.Request(XsType.Read, "/node\0"));
        }

        using RawStore dom0 = daemon.ConnectRaw();
        Assert.Equal("!ENOENT", dom0.Request(XsType.Read, "/node\0").Outcome);
        Assert.Equal("F", dom0.Expect(XsType.IsDomainIntroduced, "1\0"));
        daemon.Reintroduce(domain);
        using RawStore guest = new(new RingPipe(domain));
        Assert.Equal("!ENOENT", guest.Request(XsType.Read, "data/node\0").Outcome);
    }

    [Fact]
    public async Task Debians_tools_reach_the_daemon()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        await daemon.RunToolAsync("write", "/tools/a", "1");
        Assert.Equal("1\n", await daemon.RunToolAsync("read", "/tools/a"));
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => daemon.RunToolAsync("read", "/tools/b"));
        Assert.Contains("couldn't read path /tools/b", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_daemon_ends_with_the_process_that_started_it()
    {
        await using XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        await daemon.EndOfTestProcessAsync();
        Assert.ThrowsAny<Exception>(daemon.ConnectRaw);
    }

    [Fact]
    public async Task A_disposed_daemon_leaves_no_process_and_no_directory()
    {
        XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        daemon.Introduce();
        await daemon.DisposeAsync();
        Assert.False(Directory.Exists(daemon.Directory));
        Assert.DoesNotContain(Process.GetProcessesByName("xenstored"), process => BelongsTo(process, daemon.Directory));
    }

    private static bool BelongsTo(Process process, string directory)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/environ").Contains(directory, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // It has just ended.
            return false;
        }
    }
}
