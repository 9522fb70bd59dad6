using System.Collections.Concurrent;

namespace Xenlet.XenBus.Tests;

/// <summary>A driver that records its calls, and behaves as the test says.</summary>
internal sealed class TestDriver(string name = "test", string? type = null, int? priority = ProbePriority.Default) : XenBusDriver
{
    public override string Name => name;

    public override bool NeverBlocks => SaysItNeverBlocks;

    public bool SaysItNeverBlocks { get; init; }

    /// <summary>The calls, "attach vif/0" and so on.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public Func<XenDevice, CancellationToken, ValueTask>? OnAttach { get; init; }

    public Func<XenDevice, ValueTask<bool>>? OnDetach { get; init; }

    public Func<XenDevice, XenBusState, ValueTask>? OnOtherEnd { get; init; }

    public Func<XenDevice, string, ValueTask>? OnLocalEnd { get; init; }

    public Func<XenDevice, int?>? OnProbe { get; init; }

    public Func<XenDevice, ValueTask<bool>>? OnSuspend { get; init; }

    public Func<XenDevice, CancellationToken, ValueTask>? OnResume { get; init; }

    public Func<XenDevice, ValueTask>? OnShutdown { get; init; }

    public override int? Probe(XenDevice device) =>
        OnProbe is not null ? OnProbe(device) : (type is null ? device.Type != "settle" : device.Type == type) ? priority : null;

    public override ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"attach {device.Name}");
        return OnAttach is null ? new(new Session(this, device)) : AwaitAsync(OnAttach(device, cancellationToken));

        async ValueTask<DeviceSession> AwaitAsync(ValueTask attached)
        {
            await attached;
            return new Session(this, device);
        }
    }

    /// <summary>How often a call was made.</summary>
    public int Count(string call) => Calls.Count(made => made == call);

    /// <summary>A driver that follows the back end as an ordinary front end does.</summary>
    public static TestDriver Connecting(
        string name = "test",
        Func<XenDevice, ValueTask<bool>>? onSuspend = null,
        Func<XenDevice, CancellationToken, ValueTask>? onResume = null,
        Func<XenDevice, ValueTask>? onShutdown = null)
    {
        return new(name) { OnSuspend = onSuspend, OnResume = onResume, OnShutdown = onShutdown, OnOtherEnd = FollowAsync };

        static async ValueTask FollowAsync(XenDevice device, XenBusState state)
        {
            if (state is XenBusState.InitWait or XenBusState.Connected)
            {
                await device.SetStateAsync(XenBusState.Connected);
            }
            else if (state is XenBusState.Closing or XenBusState.Closed)
            {
                await device.SetStateAsync(XenBusState.Closed);
            }
        }
    }

    /// <summary>Keeps the calls for one device.</summary>
    private sealed class Session(TestDriver driver, XenDevice device) : DeviceSession
    {
        public override ValueTask<bool> DetachAsync()
        {
            driver.Calls.Enqueue($"detach {device.Name}");
            return driver.OnDetach?.Invoke(device) ?? new(true);
        }

        public override ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
        {
            driver.Calls.Enqueue($"other end {device.Name} {state}");
            return driver.OnOtherEnd?.Invoke(device, state) ?? default;
        }

        public override ValueTask LocalEndChangedAsync(string path, CancellationToken cancellationToken)
        {
            driver.Calls.Enqueue($"local end {device.Name} {path}");
            return driver.OnLocalEnd?.Invoke(device, path) ?? default;
        }

        public override ValueTask<bool> SuspendAsync(CancellationToken cancellationToken)
        {
            driver.Calls.Enqueue($"suspend {device.Name}");
            return driver.OnSuspend?.Invoke(device) ?? new(true);
        }

        public override async ValueTask<bool> ResumeAsync(CancellationToken cancellationToken)
        {
            driver.Calls.Enqueue($"resume {device.Name}");
            await (driver.OnResume?.Invoke(device, cancellationToken) ?? default);
            return true;
        }

        public override ValueTask SuspendCancelledAsync(CancellationToken cancellationToken)
        {
            driver.Calls.Enqueue($"suspend cancelled {device.Name}");
            return default;
        }

        public override ValueTask ShutdownAsync(CancellationToken cancellationToken)
        {
            driver.Calls.Enqueue($"shutdown {device.Name}");
            return driver.OnShutdown?.Invoke(device) ?? default;
        }
    }
}
