using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Buses;

/// <summary>
/// Does a driver's part of the end of devices that have none: no driver fits, the driver has failed, or an earlier program left them. The
/// tool stack waits for Closed, and then for the directory to vanish, without asking who is to do it; a device that stays could neither be
/// removed nor be made anew under its number.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="options">The clock and the delay.</param>
/// <param name="post">Queues work for a node.</param>
/// <param name="remove">Removes the directory of a device that is closed and offline.</param>
internal sealed class UnservedBackEnds(
    XenStoreClient store, XenBusOptions options, Action<string, Func<ValueTask>> post, Func<string, ValueTask> remove)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ITimer> _timers = new(StringComparer.Ordinal);

    /// <summary>Something may have changed at the node of such a device.</summary>
    public void Changed(string node) => post(node, () => TryAsync(node, CloseAsync));

    private async ValueTask TryAsync(string node, Func<string, ValueTask> work)
    {
        try
        {
            await work(node).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error) when (error.IsTemporary)
        {
            After(node, Changed);
        }
    }

    private async ValueTask CloseAsync(string node)
    {
        // By far the most events are of devices that stay.
        if (await store.TryReadAsync(node + "/online").ConfigureAwait(EventLoop.IsCurrent) != "0")
        {
            return;
        }

        bool isClosed = await store.TransactAsync(async (transaction, token) =>
        {
            string? state = await transaction.TryReadAsync(node + "/state", token).ConfigureAwait(EventLoop.IsCurrent);
            string? online = await transaction.TryReadAsync(node + "/online", token).ConfigureAwait(EventLoop.IsCurrent);
            if (state is null || online != "0")
            {
                return false;
            }

            if (XenBusStates.Parse(state) != XenBusState.Closed)
            {
                await transaction.WriteAsync(node + "/state", (long)XenBusState.Closed, token).ConfigureAwait(EventLoop.IsCurrent);
            }

            return true;
        }).ConfigureAwait(EventLoop.IsCurrent);
        if (isClosed)
        {
            After(node, closed => post(closed, () => TryAsync(closed, remove)));
        }
    }

    /// <summary>Does something for a node after <see cref="XenBusOptions.RemovalDelay"/>, unless something waits already.</summary>
    private void After(string node, Action<string> work)
    {
        lock (_lock)
        {
            if (!_timers.ContainsKey(node))
            {
                ITimer timer = options.TimeProvider.CreateTimer(
                    _ => Fire(node, work), null, options.RemovalDelay, Timeout.InfiniteTimeSpan);
                _timers.Add(node, timer);
            }
        }
    }

    private void Fire(string node, Action<string> work)
    {
        lock (_lock)
        {
            _timers.Remove(node, out ITimer? timer);
            timer?.Dispose();
        }

        work(node);
    }
}
