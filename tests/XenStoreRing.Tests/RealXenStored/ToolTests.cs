namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>Debian's xenstore tools see what the client does, and the client what they do.</summary>
public sealed class ToolTests : IAsyncLifetime
{
    private const string Home = "/local/domain/1";
    private XenStoreDaemon _daemon = null!;

    public async Task InitializeAsync() => _daemon = await XenStoreDaemon.StartAsync();

    public async Task DisposeAsync() => await _daemon.DisposeAsync();

    [Fact]
    public async Task The_tools_read_what_a_domain_wrote()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring);
        await client.WriteAsync("data/b", "two words");
        await client.WriteAsync("data/a/x", "1");
        await client.SetPermissionsAsync("data/b", [new(1, XenStoreRights.None), new(2, XenStoreRights.ReadWrite)]);
        Assert.Equal("two words\n", await _daemon.RunToolAsync("read", Home + "/data/b"));
        Assert.Equal(
            ["a", "b"], (await _daemon.RunToolAsync("list", Home + "/data")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
        string[] listed = (await _daemon.RunToolAsync("ls", "-p", Home + "/data")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(
            listed,
            line => line.StartsWith("b = \"two words\"", StringComparison.Ordinal) && line.EndsWith("(n1,b2)", StringComparison.Ordinal));
        Assert.Contains(
            listed, line => line.StartsWith(" x = \"1\"", StringComparison.Ordinal) && line.EndsWith("(n1)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_domain_reads_and_is_told_what_the_tools_wrote()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring);
        await using XenStoreWatch watch = await client.WatchAsync("data");
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        Assert.True(await watch.WaitToReadAsync(limit.Token) && watch.TryRead(out _));
        await _daemon.RunToolAsync("write", Home + "/data/node", "value");
        Assert.True(await watch.WaitToReadAsync(limit.Token));
        Assert.True(watch.TryRead(out XenStoreWatchEvent change));
        Assert.Equal("data/node", change.Path);
        Assert.Equal("value", await client.ReadAsync("data/node"));
        await _daemon.RunToolAsync("chmod", Home + "/data/node", "n1", "r0");
        Assert.Equal([new(1, XenStoreRights.None), new(0, XenStoreRights.Read)], await client.GetPermissionsAsync("data/node"));
        await _daemon.RunToolAsync("rm", Home + "/data/node");
        Assert.False(await client.ExistsAsync("data/node"));
    }

    [Fact]
    public async Task A_tool_that_watches_is_told_what_a_domain_wrote()
    {
        await using XenStoreClient client = await _daemon.ConnectAsync(Transport.Ring);
        // The first event is the watch's own.
        Task<string> told = _daemon.RunToolAsync("watch", "-n", "2", Home + "/data");
        while (!told.IsCompleted)
        {
            await client.WriteAsync("data/node", "value");
            await Task.WhenAny(told, Task.Delay(20));
        }

        Assert.Equal($"{Home}/data\n{Home}/data/node\n", await told);
    }
}
