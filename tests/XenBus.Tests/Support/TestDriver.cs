using System.Collections.Concurrent;

namespace Xenlet.XenBus.Tests;

/// <summary>A driver that keeps what it was called for, and does what the test tells it to.</summary>
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

    public override ValueTask AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"attach {device.Name}");
        return OnAttach?.Invoke(device, cancellationToken) ?? default;
    }

    public override ValueTask<bool> DetachAsync(XenDevice device)
    {
        Calls.Enqueue($"detach {device.Name}");
        return OnDetach?.Invoke(device) ?? new(true);
    }

    public override ValueTask OtherEndChangedAsync(XenDevice device, XenBusState state, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"other end {device.Name} {state}");
        return OnOtherEnd?.Invoke(device, state) ?? default;
    }

    public override ValueTask LocalEndChangedAsync(XenDevice device, string path, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"local end {device.Name} {path}");
        return OnLocalEnd?.Invoke(device, path) ?? default;
    }

    public override ValueTask<bool> SuspendAsync(XenDevice device, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"suspend {device.Name}");
        return OnSuspend?.Invoke(device) ?? new(true);
    }

    public override ValueTask ResumeAsync(XenDevice device, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"resume {device.Name}");
        return OnResume?.Invoke(device, cancellationToken) ?? default;
    }

    public override ValueTask SuspendCancelledAsync(XenDevice device, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"suspend cancelled {device.Name}");
        return default;
    }

    public override ValueTask ShutdownAsync(XenDevice device, CancellationToken cancellationToken)
    {
        Calls.Enqueue($"shutdown {device.Name}");
        return OnShutdown?.Invoke(device) ?? default;
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
}
