using Xenlet.Kernel;
using Xenlet.XenBus.Buses;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>
/// The bus of our back ends, <c>backend/TYPE/DOMAIN/ID</c>: the devices that this domain provides to others. It never holds boot, because
/// a front end may come late or never.
/// </summary>
public sealed class BackBus : DeviceBus
{
    private readonly UnservedBackEnds _unserved;

    /// <summary>Creates the bus; <see cref="DeviceBus.StartAsync"/> starts it.</summary>
    /// <param name="store">The store. It stays the caller's.</param>
    /// <param name="options">Settings.</param>
    public BackBus(XenStoreClient store, XenBusOptions? options = null)
        : base(store, new("backend", 2, "frontend", "frontend-id"), options) =>
        _unserved = new(store, Options, PostUnserved, RemoveClosedAsync);

    private protected override bool HoldsBoot => false;

    private protected override ValueTask AnnounceAsync(CancellationToken cancellationToken)
    {
        Errors.Forget();
        return default;
    }

    /// <summary>
    /// The tool stack's nodes of the devices count for this domain's quota: enough devices leave no room to say why the next is refused.
    /// </summary>
    internal override ValueTask BeforeAttachAsync(CancellationToken cancellationToken) => Errors.ReserveAsync(cancellationToken);

    /// <summary>Makes a closed device ready for a front end that starts again, while the tool stack keeps the device online.</summary>
    internal override async ValueTask AfterOtherEndChangedAsync(XenDevice device, XenBusState state)
    {
        if (state == XenBusState.Initialising && device.State == XenBusState.Closed && device.Session is { CanServeAgain: true }
            && await IsOnlineAsync(device).ConfigureAwait(EventLoop.IsCurrent))
        {
            await device.SetStateAsync(XenBusState.InitWait).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Removes the mark of the hot-plug script from a device that is closed and offline, and its directory after
    /// <see cref="XenBusOptions.RemovalDelay"/>.
    /// </summary>
    internal override async ValueTask AfterLocalEndChangedAsync(XenDevice device, string path)
    {
        // An empty path stands for any change, and so for these two as well.
        if (path is "" or "/state" or "/online" && device.State == XenBusState.Closed
            && !await IsOnlineAsync(device).ConfigureAwait(EventLoop.IsCurrent))
        {
            device.RemoveLater();
            await Store.TryRemoveAsync(device.Node + "/hotplug-status").ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    internal override ValueTask RemoveAsync(XenDevice device) => RemoveClosedAsync(device.Node);

    private protected override void OnUnservedChanged(string node) => _unserved.Changed(node);

    /// <summary>
    /// Removes the directory of a device that is still closed and offline. The directories above it are the tool stack's.
    /// </summary>
    private ValueTask RemoveClosedAsync(string node) => Store.TransactAsync(
        async (transaction, token) =>
        {
            int? state = await transaction.TryReadInt32Async(node + "/state", token).ConfigureAwait(EventLoop.IsCurrent);
            int? online = await transaction.TryReadInt32Async(node + "/online", token).ConfigureAwait(EventLoop.IsCurrent);
            if (state == (int)XenBusState.Closed && online is (null or 0))
            {
                await transaction.TryRemoveAsync(node, token).ConfigureAwait(EventLoop.IsCurrent);
            }
        });

    /// <summary>Whether the tool stack keeps the device online. A device whose node we may not read is offline.</summary>
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
