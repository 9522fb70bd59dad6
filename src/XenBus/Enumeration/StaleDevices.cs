using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Enumeration;

/// <summary>Resets the front ends that an earlier program in this domain left in use.</summary>
/// <param name="store">The store.</param>
/// <param name="layout">Names the devices in messages.</param>
/// <param name="time">Measures the limits.</param>
/// <param name="isDue">Whether a device in use is a stale one: only those are that the bus finds before it has ever run.</param>
/// <param name="report">Takes a device's node and what is said of it.</param>
/// <param name="cancellationToken">Ends a reset; the device stays as far as it is.</param>
internal sealed class StaleDevices(
    XenStoreClient store,
    BusLayout layout,
    TimeProvider time,
    Func<bool> isDue,
    Action<string, string> report,
    CancellationToken cancellationToken)
{
    /// <summary>Resets a device if it is in use, and gives the value that its state node has then.</summary>
    /// <param name="node">The device's node.</param>
    /// <param name="otherEnd">Its other end.</param>
    /// <param name="value">The value of its state node.</param>
    /// <exception cref="XenStoreException">A state cannot be read or written.</exception>
    public async Task<string?> ResetAsync(string node, OtherEnd otherEnd, string value)
    {
        XenBusState left = XenBusStates.Parse(value);
        if (!isDue() || !StaleFrontEnd.IsStale(left))
        {
            return value;
        }

        report(node, $"{layout.NameOf(node)}: was left {left} by who ran here before, and is reset");
        try
        {
            await new StaleFrontEnd(store, node, otherEnd.Path, time).ResetAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The bus ends, and puts no device on its list any more.
        }

        return await store.TryReadAsync(node + "/state").ConfigureAwait(EventLoop.IsCurrent);
    }
}
