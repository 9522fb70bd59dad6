using Xenlet.Drivers.Tests;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.BackEnds.Tests;

/// <summary>
/// A host whose domain 1 serves disks to domain 0: both buses and both ends' drivers are real, and so is xenstored; the test is the tool
/// stack, as libxl is for <c>backend=NAME</c>.
/// </summary>
internal sealed class BackEndHost : IAsyncDisposable
{
    public const string Back = $"{Host.Home}/backend/vbd/0/51712";
    public const string Front = "/local/domain/0/device/vbd/51712";

    private readonly List<BlockDriver> _frontDrivers = [];
    private readonly ToolStackDevice _disk;

    private BackEndHost(Host host, MemoryBlockStore store, BackEndLimits? limits)
    {
        Host = host;
        _disk = new(host, "vbd", "51712", clock: Clock);
        Store = store;
        Open = _ => new(store);
        Machine = new BackEndMachine(FrontMachine, (ushort)Host.Guest);
        BackDriver = new BlockBackEndDriver(Machine, Machine, (request, _) => Open(request), limits);
    }

    public Host Host { get; }

    public MemoryBlockStore Store { get; }

    public TestMachine FrontMachine { get; } = new();

    public BackEndMachine Machine { get; }

    public BlockBackEndDriver BackDriver { get; }

    /// <summary>The driver of the front bus that was started last.</summary>
    public BlockDriver FrontDriver => _frontDrivers[^1];

    public BackBus BackBus { get; private set; } = null!;

    /// <summary>The back bus's clock, so that no directory vanishes before a test has seen its last state.</summary>
    public ManualClock Clock { get; } = new();

    /// <summary>What the back end serves.</summary>
    public Func<BlockStoreRequest, ValueTask<IBlockStore>> Open { get; set; }

    /// <summary>Starts the domain with the back ends.</summary>
    public static async Task<BackEndHost> StartAsync(MemoryBlockStore? store = null, BackEndLimits? limits = null)
    {
        BackEndHost started = new(await Host.StartAsync(), store ?? new MemoryBlockStore(16 << 20), limits);
        started.BackBus = started.Host.Back(new() { TimeProvider = started.Clock });
        started.BackBus.AddDriver(started.BackDriver);
        await started.BackBus.StartAsync();
        return started;
    }

    /// <summary>Starts the front ends of domain 0.</summary>
    public async Task<FrontBus> StartFrontAsync()
    {
        _frontDrivers.Add(new BlockDriver(FrontMachine, FrontMachine));
        FrontBus bus = new(Host.Dom0, new() { ShutdownTimeLimit = TimeSpan.FromMinutes(2) });
        bus.AddDriver(FrontDriver);
        await bus.StartAsync();
        return bus;
    }

    /// <summary>xl block-attach.</summary>
    public ValueTask AttachAsync(string mode = "w", string name = "scratch", int number = 51712) =>
        new ToolStackDevice(Host, "vbd", $"{number}").AttachAsync([("params", name), ("mode", mode)], [("virtual-device", $"{number}")]);

    /// <summary>What xl block-detach writes before it waits.</summary>
    public ValueTask DetachAsync() => _disk.DetachAsync();

    public Task UntilBackAsync(XenBusState? state) => _disk.UntilBackAsync(state);

    /// <summary>Waits until the disk's error node has a text.</summary>
    public Task ErrorAsync(string part) => _disk.ErrorAsync(part);

    public async ValueTask DisposeAsync()
    {
        await BackBus.DisposeAsync();
        await BackDriver.DisposeAsync();
        foreach (BlockDriver driver in _frontDrivers)
        {
            await driver.DisposeAsync();
        }

        await Host.DisposeAsync();
    }
}
