using Xenlet.XenBus;
using Xenlet.XenBus.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>A guest with the network driver, and back ends that the test plays.</summary>
internal sealed class NetWorld : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private NetWorld(Host host, NetworkOptions? options)
    {
        Host = host;
        Machine = new();
        Driver = new(Machine, Machine, options);
    }

    public Host Host { get; }

    public TestMachine Machine { get; }

    public NetworkDriver Driver { get; }

    public FrontBus Bus { get; private set; } = null!;

    public static async Task<NetWorld> StartAsync(NetworkOptions? options = null)
    {
        Host host = await Host.StartAsync();
        NetWorld world = new(host, options);
        world.Bus = await host.StartFrontAsync(world.Driver, new() { ShutdownTimeLimit = Patience });
        return world;
    }

    /// <summary>An interface with its back end, both connected.</summary>
    public async Task<(NetworkInterface Network, NetBackEnd Back)> PlugAsync(
        string id = "0", IReadOnlyDictionary<string, string>? features = null)
    {
        NetBackEnd back = new(Host, Machine, "vif/" + id);
        await back.AddAsync(features);
        await back.ConnectAsync();
        return (await Driver.WaitForAsync("vif" + id).AsTask().WaitAsync(Patience), back);
    }

    public Task BecomesAsync(NetworkInterface network, NetworkState state) => Host.UntilAsync(() => network.State == state);

    /// <summary>Waits until the driver has released everything: pages, grants and channels.</summary>
    public Task NothingIsLeftAsync() => XenBus.Tests.Host.UntilAsync(
        () => Task.FromResult(Machine is { Pages: 0, Grants: 0, Channels: 0 }),
        () => $"{Machine.Pages} pages, {Machine.Grants} grants and {Machine.Channels} channels are left");

    public static async Task<byte[]> ReceiveAsync(NetworkInterface network)
    {
        using FrameBuffer frame = await network.ReceiveAsync().AsTask().WaitAsync(Patience);
        return frame.Data.ToArray();
    }

    public static FrameBuffer Frame(NetworkInterface network, ReadOnlySpan<byte> data)
    {
        FrameBuffer frame = network.RentFrame(data.Length);
        frame.Length = data.Length;
        data.CopyTo(frame.Data);
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
        await Host.DisposeAsync();
        await Driver.DisposeAsync();
    }
}
