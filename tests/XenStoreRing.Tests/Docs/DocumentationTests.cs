using System.Reflection;
using System.Text.RegularExpressions;
using Xenlet.XenStoreRing.Tests.RealXenStored;

namespace Xenlet.XenStoreRing.Tests.Docs;

/// <summary>The examples of docs/xenstore.md compile, run, and give the documented results.</summary>
public sealed partial class DocumentationTests : IAsyncLifetime
{
    private XenStoreDaemon _daemon = null!;
    private XenStoreClient _store = null!;

    public async Task InitializeAsync()
    {
        _daemon = await XenStoreDaemon.StartAsync();
        _store = await _daemon.ConnectAsync();
    }

    public async Task DisposeAsync()
    {
        await _store.DisposeAsync();
        await _daemon.DisposeAsync();
    }

    [Fact]
    public void The_documents_blocks_are_these_examples()
    {
        string examples = File.ReadAllText(Path.Combine(RepositoryRoot, "tests", "XenStoreRing.Tests", "Docs", "Examples.cs"));
        string document = File.ReadAllText(Path.Combine(RepositoryRoot, "docs", "xenstore.md"));
        string[] regions = [.. Region().Matches(examples).Select(match => Dedent(match.Groups["code"].Value))];
        Assert.NotEmpty(regions);
        Assert.Equal(regions, Block().Matches(document).Select(match => match.Groups["code"].Value));
    }

    [Fact]
    public async Task The_examples_give_what_the_document_says()
    {
        Assert.True(await Examples.ConnectAsync(_daemon.SocketPath));
        Assert.Equal(["a value", 42, null, "count name", false], await Examples.NodesAsync(_store));
        Assert.Equal("/tool/example/many/99", (await Examples.ManyAsync(_store))[99]);
        Assert.Equal("a value".Length, await Examples.BufferAsync(_store));
        Assert.True(await Examples.OpenTransactionAsync(_store));
        Assert.Equal("Read /tool/example/absent: ENOENT", await Examples.ErrorAsync(_store));
        Assert.Equal("n0 r5", await Examples.PermissionsAsync(_store));
    }

    [Fact]
    public async Task The_example_of_a_watch_sees_the_state_change()
    {
        TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<List<string>> watching = Examples.WatchAsync(_store, () => ready.TrySetResult());
        await ready.Task.Soon();
        await _store.WriteAsync("/tool/example/state", "4");
        Assert.Equal(["absent", "4"], await watching.Soon());
    }

    [Fact]
    public async Task The_example_of_a_transaction_survives_a_conflict()
    {
        int attempts = 0;
        int next = await Examples.TransactionAsync(_store, async () =>
        {
            if (++attempts == 1)
            {
                await _store.WriteAsync("/tool/example/last", 41);
            }
        }).Soon();
        Assert.Equal((42, 2), (next, attempts));
    }

    private static string RepositoryRoot => typeof(DocumentationTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    private static string Dedent(string code)
    {
        string[] lines = code.TrimEnd().Split('\n');
        int margin = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Concat(lines.Select(line => line[Math.Min(margin, line.Length)..] + "\n"));
    }

    [GeneratedRegex(@"#region [a-z-]+\n(?<code>.*?)^ *#endregion", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Region();

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();
}
