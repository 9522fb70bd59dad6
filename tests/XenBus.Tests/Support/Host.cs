using System.Collections.Concurrent;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests.RealXenStored;

namespace Xenlet.XenBus.Tests;

/// <summary>
/// A host with one guest: a real xenstored, the tool stack and the back ends (this class, as dom0), and the guest's own connection over
/// a simulated ring, with an unprivileged domain's rights and quotas.
/// </summary>
internal sealed class Host : IAsyncDisposable
{
    internal const uint Guest = 1;
    internal const string Home = "/local/domain/1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly XenStoreDaemon _daemon;
    private readonly SimulatedDomain _domain;
    private readonly GuestRing _ring;
    private readonly List<DeviceBus> _buses = [];

    private Host(XenStoreDaemon daemon, SimulatedDomain domain, GuestRing ring, XenStoreClient dom0, XenStoreClient guest, Faults faults)
    {
        Faults = faults;
        _daemon = daemon;
        _domain = domain;
        _ring = ring;
        Dom0 = dom0;
        GuestStore = guest;
    }

    /// <summary>The tool stack's and the back ends' connection.</summary>
    internal XenStoreClient Dom0 { get; private set; }

    /// <summary>The guest's connection.</summary>
    internal XenStoreClient GuestStore { get; }

    /// <summary>What becomes of the guest's requests that xenstored is not to answer.</summary>
    internal Faults Faults { get; }

    /// <summary>What the buses have reported, in order.</summary>
    internal ConcurrentQueue<XenBusEvent> Events { get; } = new();

    internal static Task<Host> StartAsync(params string[] options) => StartAsync(new XenStoreClientOptions(), options);

    internal static async Task<Host> StartAsync(XenStoreClientOptions guestOptions, params string[] options)
    {
        XenStoreDaemon daemon = await XenStoreDaemon.StartAsync(options);
        try
        {
            XenStoreClient dom0 = await XenStoreClient.ConnectAsync(new XenStoreSocketTransport(daemon.SocketPath));
            SimulatedDomain domain = daemon.Introduce((int)Guest);
            GuestRing ring = new(domain);
            Faults faults = new();
            XenStoreClient guest = await XenStoreClient.ConnectAsync(new FaultyTransport(new XenStoreRingTransport(ring, ring), faults), guestOptions);
            Host host = new(daemon, domain, ring, dom0, guest, faults);
            await host.MakeHomeAsync();
            return host;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (DeviceBus bus in _buses)
        {
            await bus.DisposeAsync();
        }

        await GuestStore.DisposeAsync();
        await Dom0.DisposeAsync();
        await _daemon.DisposeAsync();
    }

    /// <summary>
    /// Suspends the guest and resumes it, with <paramref name="meanwhile"/> done by the tool stack while it is suspended. The store may be
    /// another after it, as on another host.
    /// </summary>
    internal async Task<SuspendOutcome> SuspendAsync(Func<Task> meanwhile, bool elsewhere = false, params DeviceBus[] buses)
    {
        return await DomainSuspend.RunAsync(GuestStore, buses.Length == 0 ? _buses : buses, Move).WaitAsync(Patience);

        async ValueTask<Func<IXenStoreTransport>?> Move()
        {
            if (elsewhere)
            {
                await Dom0.DisposeAsync();
                await _daemon.RestartAsync();
                _daemon.Reintroduce(_domain);
                Dom0 = await XenStoreClient.ConnectAsync(new XenStoreSocketTransport(_daemon.SocketPath));
                await MakeHomeAsync();
            }
            else
            {
                // A tool stack that restores a domain announces it, and xenstored begins with its ring anew.
                _daemon.Reintroduce(_domain);
            }

            await meanwhile();
            return () => new FaultyTransport(new XenStoreRingTransport(_ring, _ring), Faults);
        }
    }

    /// <summary>Suspends the guest and lets it go on as if nothing had happened.</summary>
    internal Task<SuspendOutcome> CancelSuspendAsync(Func<Task> meanwhile) => DomainSuspend.RunAsync(GuestStore, _buses, async () =>
    {
        await meanwhile();
        return null;
    }).WaitAsync(Patience);

    /// <summary>A front bus whose events are kept.</summary>
    internal FrontBus Front(XenBusOptions? options = null) => Keep(new FrontBus(GuestStore, options));

    /// <summary>A back bus whose events are kept.</summary>
    internal BackBus Back(XenBusOptions? options = null) => Keep(new BackBus(GuestStore, options));

    /// <summary>A front bus with a driver, started.</summary>
    internal async Task<FrontBus> StartFrontAsync(XenBusDriver? driver = null, XenBusOptions? options = null)
    {
        FrontBus bus = Front(options);
        if (driver is not null)
        {
            bus.AddDriver(driver);
        }

        await bus.StartAsync().AsTask().WaitAsync(Patience);
        return bus;
    }

    /// <summary>Starts a driver domain, in which back ends may be; what is given back ends it.</summary>
    internal Action StartDriverDomain(int number)
    {
        SimulatedDomain domain = _daemon.Introduce(number);
        return () => _daemon.Release(domain);
    }

    /// <summary>The directory of a device's back end in dom0.</summary>
    internal static string BackEnd(string name) => $"/local/domain/0/backend/{name[..name.IndexOf('/')]}/1/{name[(name.IndexOf('/') + 1)..]}";

    /// <summary>Gives the guest a front end, in one transaction, as libxl does.</summary>
    internal ValueTask AddAsync(string name, XenBusState state = XenBusState.Initialising, XenBusState backState = XenBusState.Initialising) =>
        Dom0.TransactAsync((transaction, _) => AddAsync(transaction, name, state, backState));

    /// <summary>What <see cref="AddAsync(string, XenBusState, XenBusState)"/> does, inside a transaction.</summary>
    internal static async ValueTask AddAsync(
        XenStoreOperations store, string name, XenBusState state, XenBusState backState, string? backEnd = null, uint backDomain = 0)
    {
        string front = $"{Home}/device/{name}";
        string back = backEnd ?? BackEnd(name);
        await MakeAsync(store, front, Guest, 0);
        await MakeAsync(store, back, 0, Guest);
        await store.WriteAsync(back + "/state", (long)backState);
        await store.WriteAsync(back + "/online", 1);
        await store.WriteAsync(front + "/backend", back);
        await store.WriteAsync(front + "/backend-id", backDomain);
        await store.WriteAsync(front + "/state", (long)state);
    }

    /// <summary>Takes a front end and its back end away.</summary>
    internal ValueTask RemoveAsync(string name) => Dom0.TransactAsync(async (transaction, _) =>
    {
        await transaction.TryRemoveAsync($"{Home}/device/{name}");
        await transaction.TryRemoveAsync(BackEnd(name));
    });

    /// <summary>Gives the guest a back end for another domain's front end: TYPE/DOMAIN/ID.</summary>
    internal ValueTask AddBackAsync(string name) => Dom0.TransactAsync(async (transaction, _) =>
    {
        string[] parts = name.Split('/');
        string back = $"{Home}/backend/{name}";
        string front = $"/local/domain/{parts[1]}/device/{parts[0]}/{parts[2]}";
        await MakeAsync(transaction, back, Guest, 0);
        await MakeAsync(transaction, front, 0, Guest);
        await transaction.WriteAsync(front + "/state", 1);
        await transaction.WriteAsync(back + "/frontend", front);
        await transaction.WriteAsync(back + "/frontend-id", parts[1]);
        await transaction.WriteAsync(back + "/online", 1);
        await transaction.WriteAsync(back + "/hotplug-status", "connected");
        await transaction.WriteAsync(back + "/state", 1);
    });

    internal ValueTask SetBackStateAsync(string name, XenBusState state) => Dom0.WriteAsync(BackEnd(name) + "/state", (long)state);

    internal ValueTask SetFrontStateAsync(string name, XenBusState state) => Dom0.WriteAsync($"{Home}/device/{name}/state", (long)state);

    /// <summary>The state that the store has for the guest's end.</summary>
    internal async Task<XenBusState?> FrontStateAsync(string name) =>
        await Dom0.TryReadAsync($"{Home}/device/{name}/state") is { } value ? XenBusStates.Parse(value) : null;

    /// <summary>Waits for an event whose text contains all of <paramref name="parts"/>.</summary>
    internal Task SeesAsync(params string[] parts) => UntilAsync(
        () => Events.Any(happened => parts.All(part => happened.Text.Contains(part, StringComparison.Ordinal))),
        () => $"nothing with \"{string.Join("\" and \"", parts)}\"; there was:\n{Text}");

    internal bool Saw(string part) => Events.Any(happened => happened.Text.Contains(part, StringComparison.Ordinal));

    internal string Text => string.Join('\n', Events);

    /// <summary>How many more watches the guest may have.</summary>
    internal async Task<int> CountFreeWatchesAsync()
    {
        Stack<XenStoreWatch> left = new();
        try
        {
            while (true)
            {
                left.Push(await GuestStore.WatchAsync("data"));
            }
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.E2BIG)
        {
            int count = left.Count;
            foreach (XenStoreWatch watch in left)
            {
                await watch.DisposeAsync();
            }

            return count;
        }
    }

    /// <summary>Waits until a condition holds.</summary>
    internal Task UntilAsync(Func<bool> condition) => UntilAsync(condition, () => "The condition did not come about; events:\n" + Text);

    /// <summary>
    /// Lets everything that was done until now reach the bus: a device added after it has been noticed. For tests that something does not happen.
    /// </summary>
    internal async Task SettleAsync(FrontBus bus)
    {
        string name = $"settle/{Guid.NewGuid():N}";
        await AddAsync(name);
        await UntilAsync(() => bus.Devices.Any(device => device.Name == name));
        await RemoveAsync(name);
        await UntilAsync(() => bus.Devices.All(device => device.Name != name));
    }

    private static async Task UntilAsync(Func<bool> condition, Func<string> otherwise)
    {
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(began) < Patience, otherwise());
            await Task.Delay(3);
        }
    }

    /// <summary>As libxl makes it: the guest may list its devices, and may write errors.</summary>
    private async Task MakeHomeAsync()
    {
        await Dom0.MakeDirectoryAsync(Home + "/device");
        await Dom0.MakeDirectoryAsync(Home + "/backend");
        await MakeAsync(Dom0, Home + "/error", Guest, 0);
    }

    private T Keep<T>(T bus)
        where T : DeviceBus
    {
        _buses.Add(bus);
        _ = KeepAsync(bus.Subscribe());
        return bus;
    }

    private async Task KeepAsync(XenBusEvents events)
    {
        await foreach (XenBusEvent happened in events)
        {
            Events.Enqueue(happened);
        }
    }

    private static async ValueTask MakeAsync(XenStoreOperations store, string path, uint owner, uint reader)
    {
        await store.MakeDirectoryAsync(path);
        await store.SetPermissionsAsync(path, [new(owner, XenStoreRights.None), new(reader, XenStoreRights.Read)]);
    }
}
