using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The bus of our front ends, <c>device/TYPE/ID</c>: the devices that other domains provide to us.</summary>
public sealed class FrontBus(XenStoreClient store, XenBusOptions? options = null) : DeviceBus(store, "device", 1, options)
{
    private protected override string OtherEndNode => "backend";

    private protected override string OtherEndIdNode => "backend-id";

    private protected override bool HoldsBoot => true;

    private protected override bool ResetsStale => true;

    /// <summary>
    /// Closes all devices in order, since the domain ends: their drivers let end what is under way, then both ends go by way of Closing to
    /// Closed. All devices do so at the same time, and have <see cref="XenBusOptions.ShutdownTimeLimit"/> together; the report names those
    /// that were not closed by then. From here on no device is taken up. A device in use is closed all the same, one that is not connected
    /// yet is left as it is. Without devices nothing is waited for; asked again it is the same end.
    /// </summary>
    public Task<ShutdownReport> ShutdownAsync() => ShutdownDevicesAsync();

    /// <summary>Says in <c>feature/hotplug</c> that interfaces and disks may be plugged while the guest runs.</summary>
    private protected override async ValueTask AnnounceAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(
                Store.WriteAsync("feature/hotplug/vif", 1, cancellationToken).AsTask(),
                Store.WriteAsync("feature/hotplug/vbd", 1, cancellationToken).AsTask()).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            Report(null, $"{Node}: the tool stack cannot be told of hot-plug: {error.Message}");
        }
    }
}
