using Xenlet.Drivers.Tests;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>
/// A host whose domain 1 is the network of domain 0: both buses and both ends' drivers are real, and so is xenstored; the test is the tool
/// stack, and what is behind the back end.
/// </summary>
internal sealed class NetworkHost : IAsyncDisposable
{
    public const string Mac = "00:16:3e:12:34:56";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly List<NetworkDriver> _frontDrivers = [];

    private NetworkHost(Host host)
    {
        Host = host;
        Device = new(host, "vif", "0", clock: Clock);
        Machine = new BackEndMachine(FrontMachine, (ushort)Host.Guest);
        BackDriver = new NetworkBackEndDriver(Machine, Machine, Network);
    }

    public Host Host { get; }

    /// <summary>The back bus's clock, so that no directory vanishes before a test has seen its last state.</summary>
    public ManualClock Clock { get; } = new();

    public ToolStackDevice Device { get; }

    public TestNetwork Network { get; } = new();

    public TestMachine FrontMachine { get; } = new();

    public BackEndMachine Machine { get; }

    public NetworkBackEndDriver BackDriver { get; }

    public BackBus BackBus { get; private set; } = null!;

    /// <summary>Starts the domain with the back ends.</summary>
    public static async Task<NetworkHost> StartAsync()
    {
        NetworkHost started = new(await Host.StartAsync());
        started.BackBus = started.Host.Back(new() { TimeProvider = started.Clock });
        started.BackBus.AddDriver(started.BackDriver);
        await started.BackBus.StartAsync();
        return started;
    }

    /// <summary>Starts the front ends of domain 0.</summary>
    public async Task<FrontBus> StartFrontAsync(NetworkOptions? options = null)
    {
        _frontDrivers.Add(new NetworkDriver(FrontMachine, FrontMachine, options));
        FrontBus bus = new(Host.Dom0);
        bus.AddDriver(_frontDrivers[^1]);
        await bus.StartAsync();
        return bus;
    }

    /// <summary>xl network-attach.</summary>
    public ValueTask AttachAsync(string mac = Mac, string ip = "10.0.0.2/24", string? rate = null) => Device.AttachAsync(
        [("handle", "0"), ("mac", mac), ("bridge", "lan"), ("ip", ip), .. rate is null ? ((string, string)[])[] : [("rate", rate)]],
        [("handle", "0"), ("mac", Mac)]);

    /// <summary>The interface of the front bus that was started last.</summary>
    public Task<NetworkInterface> WaitForAsync() => _frontDrivers[^1].WaitForAsync("vif0").AsTask().WaitAsync(Patience);

    /// <summary>Attaches an interface and connects it.</summary>
    public async Task<NetworkInterface> ConnectAsync()
    {
        await AttachAsync();
        return await WaitForAsync();
    }

    /// <summary>The next frame that the front end received.</summary>
    public static async Task<FrameBuffer> ReceiveAsync(NetworkInterface network) =>
        await network.ReceiveAsync().AsTask().WaitAsync(Patience);

    public static FrameBuffer Frame(NetworkInterface network, ReadOnlySpan<byte> data)
    {
        FrameBuffer frame = network.RentFrame(data.Length);
        frame.Append(data);
        return frame;
    }

    public static byte[] Bytes(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await BackBus.DisposeAsync();
        await BackDriver.DisposeAsync();
        foreach (NetworkDriver driver in _frontDrivers)
        {
            await driver.DisposeAsync();
        }

        await Host.DisposeAsync();
        Assert.Null(Network.FrontEnd);
        Assert.Equal((0, 0), (Machine.Mapped, Machine.Channels));
        Assert.Equal((0, 0, 0), (FrontMachine.Pages, FrontMachine.Grants, FrontMachine.Channels));
    }
}
