using Xenlet.XenBus;

namespace XenletDriver;

/// <summary>
/// A front end for devices of the type "greeting": it writes a greeting into its own directory of xenstore, and when the other end is
/// connected, it reads the answer from there.
/// </summary>
public sealed class GreetingDriver : XenBusDriver
{
    /// <inheritdoc/>
    public override string Name => "greeting";

    /// <summary>Raised with each device's answer.</summary>
    public event Action<XenDevice, string>? Answered;

    /// <inheritdoc/>
    public override int? Probe(XenDevice device) => device.Type == "greeting" ? ProbePriority.Default : null;

    /// <inheritdoc/>
    public override async ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        await device.Bus.Store.WriteAsync($"{device.Node}/greeting", "Hello", cancellationToken);
        await device.SetStateAsync(XenBusState.Initialised, cancellationToken);
        return new Session(this, device);
    }

    /// <summary>Serves one device.</summary>
    private sealed class Session(GreetingDriver driver, XenDevice device) : DeviceSession
    {
        public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
        {
            switch (state)
            {
                case XenBusState.Connected when device.State == XenBusState.Initialised:
                    string answer = await device.Bus.Store.ReadAsync($"{device.OtherEndPath}/answer", cancellationToken);
                    await device.SetStateAsync(XenBusState.Connected, cancellationToken);
                    driver.Answered?.Invoke(device, answer);
                    break;

                case XenBusState.Closing or XenBusState.Closed:
                    await device.SetStateAsync(XenBusState.Closed, cancellationToken);
                    break;
            }
        }

        public override ValueTask<bool> DetachAsync() => new(true);
    }
}
