using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Xenlet.Domain;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Tests;

/// <summary>
/// A host with one guest: a real xenstored, the tool stack and the back ends (this class, as dom0), and the guest's own connection over
/// a simulated ring, with an unprivileged domain's rights and quotas.
/// </summary>
internal sealed class Host : IAsyncDisposable
{
    public const uint Guest = 1;
    public const string Home = "/local/domain/1";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    // The limit of a request is shorter than that of a test's wait, so that a missing answer is reported as such.
    private static readonly XenStoreClientOptions Patient = new() { RequestTimeLimit = Patience / 2 };
    private readonly XenStoreDaemon _daemon;
    private readonly SimulatedDomain _domain;
    private readonly GuestRing _ring;
    private readonly GuestTransport _transport;
    private readonly List<DeviceBus> _buses = [];

    private Host(
        XenStoreDaemon daemon, SimulatedDomain domain, GuestRing ring, GuestTransport transport, XenStoreClient dom0, XenStoreClient guest,
        Faults faults)
    {
        Faults = faults;
        _daemon = daemon;
        _domain = domain;
        _ring = ring;
        _transport = transport;
        Dom0 = dom0;
        GuestStore = guest;
    }

    /// <summary>The tool stack's and the back ends' connection.</summary>
    public XenStoreClient Dom0 { get; private set; }

    /// <summary>The guest's connection.</summary>
    public XenStoreClient GuestStore { get; }

    /// <summary>Called before the guest's requests are sent, which wait for it, with each one's type and path.</summary>
    public Func<XenStoreMessageType, string, Task>? BeforeRequest
    {
        set => _transport.BeforeRequest = value;
    }

    /// <summary>What becomes of the guest's requests that xenstored is not to answer.</summary>
    public Faults Faults { get; }

    /// <summary>Whether a request of the guest may stay unanswered: where that is what is tested.</summary>
    public bool MayTimeOut { get; set; }

    /// <summary>What the buses have reported, in order.</summary>
    public ConcurrentQueue<XenBusEvent> Events { get; } = new();

    public static Task<Host> StartAsync(params string[] options) => StartAsync(Patient, options);

    public static async Task<Host> StartAsync(XenStoreClientOptions guestOptions, params string[] options)
    {
        XenStoreDaemon daemon = await XenStoreDaemon.StartAsync(options);
        try
        {
            XenStoreClient dom0 = await XenStoreClient.ConnectAsync(new XenStoreSocketTransport(daemon.SocketPath), Patient);
            SimulatedDomain domain = daemon.Introduce((int)Guest);
            GuestRing ring = new(domain);
            Faults faults = new();
            GuestTransport transport = new(new FaultyTransport(new XenStoreRingTransport(ring, ring), faults));
            XenStoreClient guest = await XenStoreClient.ConnectAsync(transport, guestOptions);
            Host host = new(daemon, domain, ring, transport, dom0, guest, faults);
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
        // The bus continues after a request without an answer; a test that passes even so has not tested its claim.
        Assert.DoesNotContain(
            Events, happened => !MayTimeOut && happened.Text.Contains(nameof(XenStoreError.TimedOut), StringComparison.Ordinal));
    }

    /// <summary>
    /// Suspends the guest and resumes it, with <paramref name="meanwhile"/> done by the tool stack while it is suspended. The store may be
    /// another after it, as on another host.
    /// </summary>
    public async Task<SuspendOutcome> SuspendAsync(Func<Task> meanwhile, bool elsewhere = false, params DeviceBus[] buses)
    {
        return await DomainSuspend.RunAsync(GuestStore, buses.Length == 0 ? _buses : buses, Move).WaitAsync(Patience);

        async ValueTask<Func<IXenStoreTransport>?> Move()
        {
            if (elsewhere)
            {
                await Dom0.DisposeAsync();
                await _daemon.RestartAsync();
                _daemon.Reintroduce(_domain);
                Dom0 = await XenStoreClient.ConnectAsync(new XenStoreSocketTransport(_daemon.SocketPath), Patient);
                await MakeHomeAsync();
            }
            else
            {
                // A tool stack that restores a domain introduces it, and xenstored starts with a fresh ring.
                _daemon.Reintroduce(_domain);
            }

            await meanwhile();
            return () => new FaultyTransport(new XenStoreRingTransport(_ring, _ring), Faults);
        }
    }

    /// <summary>Suspends the guest and lets it continue as if nothing had happened.</summary>
    public Task<SuspendOutcome> CancelSuspendAsync(Func<Task> meanwhile) => DomainSuspend.RunAsync(GuestStore, _buses, async () =>
    {
        await meanwhile();
        return null;
    }).WaitAsync(Patience);

    /// <summary>A front bus whose events are kept.</summary>
    public FrontBus Front(XenBusOptions? options = null) => Keep(new FrontBus(GuestStore, options ?? new() { BootTimeLimit = Patience }));

    /// <summary>A back bus whose events are kept.</summary>
    public BackBus Back(XenBusOptions? options = null) => Keep(new BackBus(GuestStore, options));

    /// <summary>A front bus with a driver, started.</summary>
    public async Task<FrontBus> StartFrontAsync(XenBusDriver? driver = null, XenBusOptions? options = null)
    {
        FrontBus bus = Front(options);
        if (driver is not null)
        {
            bus.AddDriver(driver);
        }

        await bus.StartAsync().AsTask().WaitAsync(Patience);
        return bus;
    }

    /// <summary>Starts a driver domain, in which back ends may be. Disposing of the result ends it.</summary>
    public Action StartDriverDomain(int number)
    {
        SimulatedDomain domain = _daemon.Introduce(number);
        return () => _daemon.Release(domain);
    }

    /// <summary>The directory of a device's back end in dom0.</summary>
    public static string BackEnd(string name) =>
        $"/local/domain/0/backend/{name[..name.IndexOf('/')]}/1/{name[(name.IndexOf('/') + 1)..]}";

    /// <summary>Gives the guest a front end, in one transaction, as libxl does.</summary>
    public ValueTask AddAsync(
        string name,
        XenBusState state = XenBusState.Initialising,
        XenBusState backState = XenBusState.Initialising) =>
        Dom0.TransactAsync((transaction, _) => AddAsync(transaction, name, state, backState));

    /// <summary>What <see cref="AddAsync(string, XenBusState, XenBusState)"/> does, inside a transaction.</summary>
    public static async ValueTask AddAsync(
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

    /// <summary>Removes a front end and its back end.</summary>
    public ValueTask RemoveAsync(string name) => Dom0.TransactAsync(async (transaction, _) =>
    {
        await transaction.TryRemoveAsync($"{Home}/device/{name}");
        await transaction.TryRemoveAsync(BackEnd(name));
    });

    /// <summary>Gives the guest a back end for another domain's front end: TYPE/DOMAIN/ID.</summary>
    public ValueTask AddBackAsync(string name) => Dom0.TransactAsync(async (transaction, _) =>
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

    public ValueTask SetBackStateAsync(string name, XenBusState state) => Dom0.WriteAsync(BackEnd(name) + "/state", (long)state);

    public ValueTask SetFrontStateAsync(string name, XenBusState state) => Dom0.WriteAsync($"{Home}/device/{name}/state", (long)state);

    /// <summary>The state that the store has for the guest's end.</summary>
    public async Task<XenBusState?> FrontStateAsync(string name) =>
        await Dom0.TryReadAsync($"{Home}/device/{name}/state") is { } value ? XenBusStates.Parse(value) : null;

    /// <summary>Waits for an event whose text contains all of <paramref name="parts"/>.</summary>
    public Task SeesAsync(params string[] parts) => UntilAsync(
        () => Events.Any(happened => parts.All(part => happened.Text.Contains(part, StringComparison.Ordinal))),
        () => $"nothing with \"{string.Join("\" and \"", parts)}\"; there was:\n{Text}");

    public bool Saw(string part) => Events.Any(happened => happened.Text.Contains(part, StringComparison.Ordinal));

    public string Text => string.Join('\n', Events);

    /// <summary>How many more watches the guest may have.</summary>
    public async Task<int> CountFreeWatchesAsync()
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
    public Task UntilAsync(Func<bool> condition) => UntilAsync(condition, () => "The condition did not come about; events:\n" + Text);

    /// <summary>Waits until a condition holds that takes time to look at.</summary>
    public Task UntilAsync(Func<Task<bool>> condition) =>
        UntilAsync(condition, () => "The condition did not come about; events:\n" + Text);

    /// <summary>
    /// Waits until a device's error node says something. It is written after the event that tells the same, and after some states: neither
    /// says that it is there.
    /// </summary>
    public Task HasErrorAsync(string name, string part)
    {
        string? error = null;
        return UntilAsync(
            async () =>
                (error = await Dom0.TryReadAsync($"{Home}/error/device/{name}/error"))?.Contains(part, StringComparison.Ordinal) == true,
            () => $"the error node of {name} has {error ?? "nothing"}, not \"{part}\"; events:\n{Text}");
    }

    /// <summary>
    /// Lets everything that was done until now take its whole way: through the bus to the drivers, which must return, and what those have
    /// set off through the bus and to them again. For tests that something does not happen. An other end has a watch of its own, which this
    /// does not wait for.
    /// </summary>
    public async Task SettleAsync(FrontBus bus)
    {
        // Drivers first: the states that they write are announced to the bus.
        await DrainDevicesAsync(bus);
        await SettleBusAsync(bus);
        await DrainDevicesAsync(bus);
        string mark = $"settled {Guid.NewGuid():N}";
        bus.Report(null, mark);
        await SeesAsync(mark);
    }

    /// <summary>
    /// Lets everything that was done until now reach the bus, and not the drivers: a device added after it has come and gone.
    /// </summary>
    public async Task SettleBusAsync(FrontBus bus)
    {
        string name = $"settle/{Guid.NewGuid():N}";
        await AddAsync(name);
        await UntilAsync(() => bus.Devices.Any(device => device.Name == name));
        await RemoveAsync(name);
        await UntilAsync(() => bus.Devices.All(device => device.Name != name));
        // The bus looks once more where the device was.
        await DrainAsync(QueueOf(bus), new(BusWorkKind.ForgetDevice, UniqueMark()), () => false);
    }

    /// <summary>Lets all pending calls into drivers complete; they must return.</summary>
    public Task DrainDevicesAsync(DeviceBus bus) =>
        Task.WhenAll(bus.Devices.Select(DrainDeviceAsync));

    /// <summary>Lets all pending calls into one device's driver complete; they must return.</summary>
    public Task DrainDeviceAsync(XenDevice device) =>
        DrainAsync(QueueOf(device), new(DeviceWorkKind.NotifyLocalEnd, UniqueMark()), () => device.Phase == XenDevicePhase.Gone);

    /// <summary>The bus's queue.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_queue")]
    public static extern ref WorkQueue<BusWork> QueueOf(DeviceBus bus);

    /// <summary>A device's queue.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_queue")]
    public static extern ref WorkQueue<DeviceWork> QueueOf(XenDevice device);

    /// <summary>A path that no other work has, so that no other work replaces it.</summary>
    private static string UniqueMark() => $"drain {Guid.NewGuid():N}";

    private async Task DrainAsync<TKey>(WorkQueue<TKey> queue, TKey mark, Func<bool> isClosed)
        where TKey : class, IEquatable<TKey>
    {
        bool ran = false;
        if (queue.Post(mark, () =>
            {
                Volatile.Write(ref ran, true);
                return default;
            }))
        {
            await UntilAsync(() => Volatile.Read(ref ran) || isClosed());
        }
    }

    private static Task UntilAsync(Func<bool> condition, Func<string> otherwise) =>
        UntilAsync(() => Task.FromResult(condition()), otherwise);

    /// <summary>Waits until a condition holds; <paramref name="otherwise"/> says what there was instead.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!await condition())
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

    public static async ValueTask MakeAsync(XenStoreOperations store, string path, uint owner, uint reader)
    {
        await store.MakeDirectoryAsync(path);
        await store.SetPermissionsAsync(path, [new(owner, XenStoreRights.None), new(reader, XenStoreRights.Read)]);
    }
}
