using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;

namespace Xenlet.BackEnds.Tests.Hostile;

/// <summary>
/// A host whose domain 1 serves disks and a switch to domain 0, which has an honest disk by its own driver, and hostile front ends beside
/// it.
/// </summary>
internal sealed class HostileHost : IAsyncDisposable
{
    /// <summary>References that no hostile front end meets by chance are behind this one.</summary>
    private const uint HonestReferences = 0x5EED_0000;

    private readonly BlockDriver _frontDriver;
    private readonly ToolStackDevice _honest;
    private readonly byte[] _model;
    private FrontBus _front = null!;
    private BackBus _back = null!;
    private BlockDevice _disk = null!;

    private HostileHost(Host host)
    {
        Host = host;
        Machine = new BackEndMachine(Front, (ushort)Host.Guest);
        Uplink = Switch.AddPort(new Nowhere());
        _honest = new(host, "vbd", "51712");
        _frontDriver = new(Front, Front);
        _model = new byte[Honest.Length];
        BlockDriver = new(
            Machine, Machine, (request, _) => new(request.Name == "honest" ? Honest : request.Name == "r" ? ReadOnly : Hostile), Limits);
        NetworkDriver = new(Machine, Machine, Switch, Limits);
    }

    public static BackEndLimits Limits { get; } = new() { MappedPages = 24, Requests = 6, Bytes = 256 << 10 };

    public Host Host { get; }

    /// <summary>The memory and the ports of domain 0.</summary>
    public TestMachine Front { get; } = new() { LastReference = HonestReferences };

    public BackEndMachine Machine { get; }

    /// <summary>What hostile front ends have for a disk.</summary>
    public StrictStore Hostile { get; } = new(1 << 20);

    /// <summary>What hostile front ends have for a disk that they may read.</summary>
    public StrictStore ReadOnly { get; } = new(1 << 20, isReadOnly: true);

    public LearningSwitch Switch { get; } = new();

    /// <summary>Sends frames to front ends.</summary>
    public IFramePort Uplink { get; }

    private MemoryBlockStore Honest { get; } = new(256 << 10);

    private BlockBackEndDriver BlockDriver { get; }

    private NetworkBackEndDriver NetworkDriver { get; }

    public static async Task<HostileHost> StartAsync()
    {
        HostileHost started = new(await Host.StartAsync());
        started._back = started.Host.Back(new() { TimeProvider = new HurriedClock() });
        started._back.AddDriver(started.BlockDriver);
        started._back.AddDriver(started.NetworkDriver);
        await started._back.StartAsync();
        started._front = new FrontBus(started.Host.Dom0);
        started._front.AddDriver(started._frontDriver);
        await started._front.StartAsync();
        await started._honest.AttachAsync([("params", "honest"), ("mode", "w")], [("virtual-device", "51712")]);
        started._disk = await started._frontDriver.WaitForAsync("xvda").AsTask().WaitAsync(TimeSpan.FromMinutes(2));
        return started;
    }

    /// <summary>The honest disk of the same domain serves, and holds what was written.</summary>
    public async Task CheckHonestAsync(Random random)
    {
        byte[] bytes = new byte[512 * random.Next(1, 100)];
        long offset = 512 * random.NextInt64((Honest.Length - bytes.Length) / 512);
        random.NextBytes(bytes);
        await _disk.WriteAsync(offset, bytes);
        bytes.CopyTo(_model, offset);
        byte[] all = new byte[_model.Length];
        await _disk.ReadAsync(0, all);
        Assert.True(all.AsSpan().SequenceEqual(_model), "the honest disk holds what was written");
    }

    public async ValueTask DisposeAsync()
    {
        await _honest.DetachAsync();
        await _honest.UntilBackAsync(null);
        await _front.DisposeAsync();
        await _frontDriver.DisposeAsync();
        await _back.DisposeAsync();
        await BlockDriver.DisposeAsync();
        await NetworkDriver.DisposeAsync();
        await Host.DisposeAsync();
        Assert.Equal((0, 0), (Machine.Mapped, Machine.Channels));
    }

    /// <summary>Runs a thousand times as fast: who connects again and again has to wait.</summary>
    private sealed class HurriedClock : TimeProvider
    {
        private const int Hurry = 1000;

        public override long GetTimestamp() => System.GetTimestamp() * Hurry;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, Hurried(dueTime), Hurried(period));

        private static TimeSpan Hurried(TimeSpan time) => time > TimeSpan.Zero ? time / Hurry : time;
    }

    private sealed class Nowhere : IFramePort
    {
        public void Send(FrameBuffer frame) => frame.Dispose();
    }
}
