using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The bus of our front ends, <c>device/TYPE/ID</c>: the devices that other domains provide to this one.</summary>
public sealed class FrontBus(XenStoreClient store, XenBusOptions? options = null) : DeviceBus(
    store, new("device", 1, "backend", "backend-id"), options)
{
    private protected override bool HoldsBoot => true;

    private protected override bool ResetsStale => true;

    /// <summary>
    /// Closes all devices at the end of the domain: the drivers finish what is under way, then both ends go by way of Closing to Closed.
    /// All devices close at the same time and share <see cref="XenBusOptions.ShutdownTimeLimit"/>; the report names those that are open
    /// after it. The bus takes up no device from here on. It closes devices in use as well, and leaves a device that has not connected as
    /// it is. Without devices it waits for nothing. A second call returns the first one's task.
    /// </summary>
    public Task<ShutdownReport> ShutdownAsync() => ShutdownDevicesAsync();

    /// <summary>Announces in <c>feature/hotplug</c> that the guest takes up interfaces and disks while it runs.</summary>
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
