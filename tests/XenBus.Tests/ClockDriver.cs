using Xenlet.XenBus;
using Xenlet.XenStoreRing;

/// <summary>Takes on devices of type "clock", whose back end puts the time into its node "time".</summary>
internal sealed class ClockDriver : XenBusDriver
{
    public override string Name => "clock";

    public override int? Probe(XenDevice device) => device.Type == "clock" ? ProbePriority.Default : null;

    public override async ValueTask AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        // What the other end needs to know comes before the state that says it is there.
        await device.Bus.Store.WriteAsync(device.Node + "/format", "seconds", cancellationToken);
        await device.SetStateAsync(XenBusState.Initialised, cancellationToken);
    }

    public override async ValueTask OtherEndChangedAsync(XenDevice device, XenBusState state, CancellationToken cancellationToken)
    {
        switch (state)
        {
            case XenBusState.Connected:
                device.DriverData = await device.Bus.Store.ReadInt64Async(device.OtherEndPath + "/time", cancellationToken);
                await device.SetStateAsync(XenBusState.Connected, cancellationToken);
                break;
            case XenBusState.Closing or XenBusState.Closed:
                await device.SetStateAsync(XenBusState.Closed, cancellationToken);
                break;
        }
    }

    public override ValueTask<bool> DetachAsync(XenDevice device)
    {
        device.DriverData = null;
        return new(true);
    }
}
