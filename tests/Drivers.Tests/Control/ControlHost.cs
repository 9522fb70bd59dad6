using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>
/// A real xenstored with a guest's nodes as libxl makes them, the tool stack (this class, as dom0), and the guest's services over a
/// simulated ring.
/// </summary>
internal sealed class ControlHost : IAsyncDisposable
{
    public const string Home = "/local/domain/1";
    private const uint Guest = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly XenStoreDaemon _daemon;
    private readonly SimulatedDomain _domain;
    private readonly ConsoleStream _output = new();

    private ControlHost(XenStoreDaemon daemon, XenStoreClient dom0)
    {
        _daemon = daemon;
        _domain = daemon.Introduce((int)Guest);
        Dom0 = dom0;
        Machine = new(_domain);
    }

    public XenStoreClient Dom0 { get; private set; }

    public FakeMachine Machine { get; }

    public ManualClock Clock { get; } = new();

    /// <summary>Whether the guest's console takes what is written to it.</summary>
    public ManualResetEventSlim ConsoleTakes => _output.Takes;

    /// <summary>What the guest has written to its console.</summary>
    public string Console => _output.Text;

    public DomainServices? Services { get; private set; }

    public DomainControl Control => Services!.Control;

    public static async Task<ControlHost> StartAsync()
    {
        XenStoreDaemon daemon = await XenStoreDaemon.StartAsync();
        ControlHost host = new(
            daemon,
            await XenStoreClient.ConnectAsync(new XenStoreSocketTransport(daemon.SocketPath), new() { RequestTimeLimit = Patience }));
        await host.MakeHomeAsync();
        return host;
    }

    /// <summary>Replaces xenstored by another one, to which the tool stack introduces the guest.</summary>
    public async Task RestartStoreAsync()
    {
        await Dom0.DisposeAsync();
        await _daemon.RestartAsync();
        Dom0 = await XenStoreClient.ConnectAsync(new XenStoreSocketTransport(_daemon.SocketPath));
        _daemon.Reintroduce(_domain);
        await MakeHomeAsync();
    }

    private async Task MakeHomeAsync()
    {
        await MakeAsync(Home + "/control", 0, XenStoreRights.Read);
        await MakeAsync(Home + "/error", Guest, XenStoreRights.None);
        await MakeAsync(Home + "/feature", Guest, XenStoreRights.None);
        await MakeAsync(Home + "/device", 0, XenStoreRights.Read);
        await MakeAsync(Home + "/backend", 0, XenStoreRights.Read);
        await MakeControlAsync();
    }

    /// <summary>
    /// A connection on that clock for tests that move it much faster than xenstored works, which must not look as if it answered late.
    /// </summary>
    public XenStoreClientOptions Patient => new() { TimeProvider = Clock, RequestTimeLimit = TimeSpan.FromMinutes(10) };

    /// <summary>Starts the guest's services, on a clock that stands still.</summary>
    public async Task StartServicesAsync(
        DomainServicesOptions? options = null,
        DomainControlOptions? control = null,
        TimeProvider? clock = null) =>
        Services = await DomainServices.StartAsync(Machine, (options ?? new()) with
        {
            Control = (control ?? new()) with { Output = _output, TimeProvider = clock ?? Clock },
        }).AsTask().WaitAsync(Patience);

    /// <summary>Starts what serves the tool stack while the program does not. It lives as long as this process.</summary>
    /// <param name="start">Starts the services; those of <see cref="ControlServices"/> unless it says otherwise.</param>
    public void StartAutomaticServices(AutomaticServices.StartServices? start = null) =>
        AutomaticServices.Start(Machine, start ?? ControlServices.StartAsync, new() { Output = _output, TimeProvider = Clock });

    /// <summary>Ends the services, after they have completed all pending work. For tests that something does not happen.</summary>
    public Task EndServicesAsync() => Services!.DisposeAsync().AsTask().WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        if (Services is not null)
        {
            await EndServicesAsync();
        }

        // What stands in for the program ends with its turn, and before the daemon.
        await Task.Run(Machine.XenStore.Open).WaitAsync(Patience);
        await Dom0.DisposeAsync();
        await _daemon.DisposeAsync();
    }

    /// <summary>The nodes of control that a guest may write.</summary>
    public async Task MakeControlAsync()
    {
        foreach (string node in (string[])["shutdown", "sysrq", "feature-poweroff", "feature-reboot", "feature-suspend"])
        {
            await Dom0.WriteAsync($"{Home}/control/{node}", "");
            await MakeAsync($"{Home}/control/{node}", Guest, XenStoreRights.Read);
        }
    }

    /// <summary>Writes a request, and waits until the guest has acknowledged it.</summary>
    public async Task AskAsync(string request, string node = "shutdown")
    {
        await Dom0.WriteAsync($"{Home}/control/{node}", request);
        await UntilAsync(async () => await Dom0.ReadAsync($"{Home}/control/{node}") == "");
    }

    /// <summary>Gives the guest a device without driver work to do.</summary>
    public async Task AddDeviceAsync(string name) => await Dom0.TransactAsync(async (transaction, _) =>
    {
        string front = $"{Home}/device/{name}";
        string back = $"/local/domain/0/backend/{name.Replace("/", "/1/", StringComparison.Ordinal)}";
        await transaction.WriteAsync(back + "/state", 2);
        await transaction.SetPermissionsAsync(back, [new(0, XenStoreRights.None), new(Guest, XenStoreRights.Read)]);
        await transaction.SetPermissionsAsync(back + "/state", [new(0, XenStoreRights.None), new(Guest, XenStoreRights.Read)]);
        await transaction.MakeDirectoryAsync(front);
        await transaction.SetPermissionsAsync(front, [new(Guest, XenStoreRights.None), new(0, XenStoreRights.Read)]);
        await transaction.WriteAsync(front + "/backend", back);
        await transaction.WriteAsync(front + "/backend-id", 0);
        await transaction.WriteAsync(front + "/state", 1);
    });

    /// <summary>Does what a tool stack does for a domain that it restores: xenstored starts with a fresh ring.</summary>
    public SuspendResult Move()
    {
        _daemon.Reintroduce(_domain);
        return SuspendResult.Resumed;
    }

    public Task CallsAsync(params string[] calls) => UntilAsync(() => Task.FromResult(Machine.Calls.SequenceEqual(calls)));

    public Task SeesAsync(string text) => UntilAsync(() => Task.FromResult(Console.Contains(text, StringComparison.Ordinal)));

    /// <summary>Waits while the clock goes on.</summary>
    public Task PassingTimeAsync(Func<bool> condition) => UntilAsync(() =>
    {
        Clock.Advance(TimeSpan.FromSeconds(1));
        return Task.FromResult(condition());
    });

    public async Task UntilAsync(Func<Task<bool>> condition)
    {
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(
                System.Diagnostics.Stopwatch.GetElapsedTime(began) < Patience,
                $"The condition did not come about; calls: {string.Join(", ", Machine.Calls)}; console:\n{Console}");
            await Task.Delay(3);
        }
    }

    private async Task MakeAsync(string path, uint owner, XenStoreRights others)
    {
        await Dom0.MakeDirectoryAsync(path);
        await Dom0.SetPermissionsAsync(path, [new(owner, owner == 0 ? others : XenStoreRights.None), new(0, XenStoreRights.ReadWrite)]);
    }
}
