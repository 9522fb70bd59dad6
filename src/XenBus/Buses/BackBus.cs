using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>
/// The bus of our back ends, <c>backend/TYPE/DOMAIN/ID</c>: the devices that we provide to other domains. It never holds boot, since a
/// front end may come late or never.
/// </summary>
public sealed class BackBus(XenStoreClient store, XenBusOptions? options = null) : DeviceBus(store, "backend", 2, options)
{
    private protected override string OtherEndNode => "frontend";

    private protected override string OtherEndIdNode => "frontend-id";

    private protected override bool HoldsBoot => false;

    /// <summary>A front end that starts again finds us ready, as long as the tool stack keeps the device online.</summary>
    internal override async ValueTask AfterOtherEndChangedAsync(XenDevice device, XenBusState state)
    {
        if (state == XenBusState.Initialising && device.State == XenBusState.Closed
            && await IsOnlineAsync(device).ConfigureAwait(EventLoop.IsCurrent))
        {
            await device.SetStateAsync(XenBusState.InitWait).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Once closed and offline, a device needs its hot-plug script's mark no more.</summary>
    internal override async ValueTask AfterLocalEndChangedAsync(XenDevice device, string path)
    {
        // An empty path stands for any, the two among them.
        if (path is "" or "/state" or "/online" && device.State == XenBusState.Closed
            && !await IsOnlineAsync(device).ConfigureAwait(EventLoop.IsCurrent))
        {
            await Store.TryRemoveAsync(device.Node + "/hotplug-status").ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Whether the tool stack keeps the device; not where it does not let us know.</summary>
    private async ValueTask<bool> IsOnlineAsync(XenDevice device)
    {
        try
        {
            string? value = await Store.TryReadAsync(device.Node + "/online").ConfigureAwait(EventLoop.IsCurrent);
            return int.TryParse(value, out int online) && online != 0;
        }
        catch (XenStoreException error) when (!error.IsTemporary)
        {
            return false;
        }
    }
}
