using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Base;

/// <summary>
/// A front end that an earlier program in this domain left in use, before a chain load or a soft reset. The back end still maps its ring,
/// and must unmap it before the device can be set up again.
/// </summary>
/// <param name="store">The store with both ends.</param>
/// <param name="node">The front end's node.</param>
/// <param name="otherEnd">The back end's node.</param>
/// <param name="time">Measures the limits.</param>
internal sealed class StaleFrontEnd(XenStoreClient store, string node, string otherEnd, TimeProvider time)
{
    /// <summary>
    /// How long the front end waits for each answer of the back end. Linux waits as long (drivers/xen/xenbus/xenbus_probe_frontend.c,
    /// xenbus_reset_wait_for_backend).
    /// </summary>
    public static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(5);

    /// <summary>Whether a front end in this state was in use.</summary>
    public static bool IsStale(XenBusState state) => state is not (XenBusState.Unknown or XenBusState.Initialising);

    /// <summary>
    /// Leads the back end, through the states that it expects, back to where it waits for a front end. Each step takes at most
    /// <see cref="StepLimit"/>. If the back end does not follow, the front end becomes new all the same, and its driver waits as for any
    /// other.
    /// </summary>
    /// <exception cref="XenStoreException">A state cannot be read or written.</exception>
    public async Task ResetAsync(CancellationToken cancellationToken)
    {
        XenStoreWatch watch = await store.WatchAsync(otherEnd + "/state", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        await using (((IAsyncDisposable)watch).ConfigureAwait(EventLoop.IsCurrent))
        {
            XenBusState backEnd = await ReadBackEndAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            if (backEnd is XenBusState.Initialised or XenBusState.Connected)
            {
                await WriteAsync(XenBusState.Closing, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                backEnd = await WaitWhileAsync(watch, backEnd, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            if (backEnd is XenBusState.Initialised or XenBusState.Connected or XenBusState.Closing)
            {
                await WriteAsync(XenBusState.Closed, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                await WaitWhileAsync(watch, backEnd, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            await WriteAsync(XenBusState.Initialising, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Waits until the back end is in another state, or the time limit ends.</summary>
    private async Task<XenBusState> WaitWhileAsync(XenStoreWatch watch, XenBusState state, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(StepLimit, time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        XenBusState now = state;
        try
        {
            while ((now = await ReadBackEndAsync(both.Token).ConfigureAwait(EventLoop.IsCurrent)) == state
                && await watch.WaitToReadAsync(both.Token).ConfigureAwait(EventLoop.IsCurrent))
            {
                watch.TryRead(out _);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Linux continues as well: a driver may still connect, though the back end is stuck.
        }

        return now;
    }

    private async Task<XenBusState> ReadBackEndAsync(CancellationToken cancellationToken) =>
        XenBusStates.Parse(await store.TryReadAsync(otherEnd + "/state", cancellationToken).ConfigureAwait(EventLoop.IsCurrent));

    private ValueTask WriteAsync(XenBusState state, CancellationToken cancellationToken) =>
        store.WriteAsync(node + "/state", (long)state, cancellationToken);
}
