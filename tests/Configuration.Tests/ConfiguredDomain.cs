using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;
using Xenlet.XenStoreRing;

namespace Xenlet.Configuration.Tests;

/// <summary>
/// A domain at a real xenstored, whose program has configuration from <c>data/config</c>; the test is dom0, and writes there.
/// </summary>
internal sealed class ConfiguredDomain : IAsyncDisposable
{
    public const string Path = "data/config";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Channel<string> _reports = Channel.CreateUnbounded<string>();

    private ConfiguredDomain(XenStoreDaemon daemon, SimulatedDomain domain, RawStore dom0, XenStoreClient store)
    {
        Daemon = daemon;
        Domain = domain;
        Dom0 = dom0;
        Store = store;
    }

    public XenStoreDaemon Daemon { get; }

    public SimulatedDomain Domain { get; }

    public RawStore Dom0 { get; private set; }

    public XenStoreClient Store { get; }

    public XenStoreConfigurationSource Source => new(Path)
    {
        Store = Store,
        ReloadDelay = TimeSpan.FromMilliseconds(50),
        Report = text => _reports.Writer.TryWrite(text),
    };

    private string Home => $"/local/domain/{Domain.Domid}/";

    public static async Task<ConfiguredDomain> StartAsync()
    {
        XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        SimulatedDomain domain = daemon.Introduce();
        return new(daemon, domain, daemon.ConnectRaw(), await domain.ConnectAsync());
    }

    public static IConfigurationRoot Build(XenStoreConfigurationSource source) => new ConfigurationBuilder().AddXenStore(source).Build();

    /// <summary>Values by key, in the order of the keys.</summary>
    public static string Show(IConfiguration configuration) => string.Join(
        "; ", configuration.AsEnumerable().Where(pair => pair.Value is not null).OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Key}={pair.Value}"));

    /// <summary>Writes nodes below the path, in one transaction.</summary>
    public void Write(params (string Node, string Value)[] nodes) =>
        WriteBytes([.. nodes.Select(node => (node.Node, Encoding.UTF8.GetBytes(node.Value)))]);

    public void WriteBytes(params (string Node, byte[] Value)[] nodes)
    {
        uint transaction = Dom0.Begin();
        foreach ((string node, byte[] value) in nodes)
        {
            byte[] payload = [.. Encoding.ASCII.GetBytes($"{Home}{Path}{(node.Length == 0 ? "" : "/")}{node}\0"), .. value];
            RawMessage reply = Dom0.Request(XsType.Write, payload, transaction);
            Assert.True(reply.Type == XsType.Write, $"{node}: {reply.Outcome}");
        }

        Dom0.Expect(XsType.TransactionEnd, "T\0", transaction);
    }

    /// <summary>Removes a node below the path, or the path.</summary>
    public void Remove(string node) => Dom0.Expect(XsType.Rm, $"{Home}{Path}{node}\0");

    /// <summary>Has the node owned by dom0, and readable by nobody else.</summary>
    public void Hide(string node) => Dom0.Expect(XsType.SetPerms, $"{Home}{Path}/{node}\0n0\0");

    /// <summary>Another xenstored, with nothing in it but the domain.</summary>
    public async Task ReplaceDaemonAsync()
    {
        Dom0.Dispose();
        await Daemon.RestartAsync();
        Daemon.Reintroduce(Domain);
        Dom0 = Daemon.ConnectRaw();
    }

    /// <summary>Waits for the next report.</summary>
    public async Task<string> ReportedAsync() => await _reports.Reader.ReadAsync().AsTask().WaitAsync(Limit);

    /// <summary>What was reported and not taken; null for nothing.</summary>
    public string? Reported => _reports.Reader.TryPeek(out string? text) ? text : null;

    /// <summary>Waits until the configuration shows as this.</summary>
    public static async Task BecomesAsync(IConfigurationRoot configuration, string expected)
    {
        using CancellationTokenSource limit = new(Limit);
        while (true)
        {
            IChangeToken token = configuration.GetReloadToken();
            string shown = Show(configuration);
            if (shown == expected)
            {
                return;
            }

            TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            using (token.RegisterChangeCallback(_ => changed.TrySetResult(), null))
            {
                try
                {
                    await changed.Task.WaitAsync(limit.Token);
                }
                catch (OperationCanceledException)
                {
                    Assert.Fail($"the configuration was to become\n{expected}\nand is\n{Show(configuration)}");
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Dom0.Dispose();
        await Store.DisposeAsync();
        await Daemon.DisposeAsync();
    }
}
