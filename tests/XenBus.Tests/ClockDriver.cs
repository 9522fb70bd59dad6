using Xenlet.XenBus;
using Xenlet.XenStoreRing;

/// <summary>Drives devices of type "clock", whose back end writes the time to its node "time".</summary>
internal sealed class ClockDriver : XenBusDriver
{
    public override string Name => "clock";

    public override int? Probe(XenDevice device) => device.Type == "clock" ? ProbePriority.Default : null;

    public override async ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        // Before the state that tells the other end to read it.
        await device.Bus.Store.WriteAsync(device.Node + "/format", "seconds", cancellationToken);
        await device.SetStateAsync(XenBusState.Initialised, cancellationToken);
        return new Clock(device);
    }
}

/// <summary>One clock.</summary>
internal sealed class Clock(XenDevice device) : DeviceSession
{
    /// <summary>The time when it was connected.</summary>
    public long Time { get; private set; }

    public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
    {
        switch (state)
        {
            case XenBusState.Connected:
                Time = await device.Bus.Store.ReadInt64Async(device.OtherEndPath + "/time", cancellationToken);
                await device.SetStateAsync(XenBusState.Connected, cancellationToken);
                break;
            case XenBusState.Closing or XenBusState.Closed:
                await device.SetStateAsync(XenBusState.Closed, cancellationToken);
                break;
        }
    }

    public override ValueTask<bool> DetachAsync() => new(true);
}
