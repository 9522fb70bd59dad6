using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>How a suspend ended.</summary>
public enum SuspendOutcome
{
    /// <summary>The suspend was refused, and the domain was not suspended.</summary>
    Refused,

    /// <summary>The domain was not suspended, or it continues in the same place (a checkpoint), with all its connections.</summary>
    Cancelled,

    /// <summary>The domain runs again, with new connections.</summary>
    Resumed,
}

/// <summary>Suspends and resumes buses and their store, in the right order.</summary>
public static class DomainSuspend
{
    /// <summary>The same, without reports of the buses.</summary>
    /// <param name="store">The store that the buses use.</param>
    /// <param name="buses">The buses, in the order in which they are suspended.</param>
    /// <param name="suspendDomain">Suspends the domain.</param>
    /// <param name="cancellationToken">Ends the waiting for drivers and store; the domain is not suspended then.</param>
    public static Task<SuspendOutcome> RunAsync(
        XenStoreClient store,
        IReadOnlyList<DeviceBus> buses,
        Func<ValueTask<Func<IXenStoreTransport>?>> suspendDomain,
        CancellationToken cancellationToken = default) =>
        RunAsync(store, buses, suspendDomain, onReport: null, cancellationToken);

    /// <summary>
    /// Suspends <paramref name="buses"/>, one after another, then <paramref name="store"/>, and calls <paramref name="suspendDomain"/>.
    /// Then it resumes the store and the buses. If anything fails before the domain was suspended, all of them continue as before. After
    /// that nothing counts as a failure: the store is looked for until it is found or the client is disposed of.
    /// </summary>
    /// <param name="store">The store that the buses use.</param>
    /// <param name="buses">The buses, in the order in which they are suspended.</param>
    /// <param name="suspendDomain">
    /// Suspends the domain, and returns when it runs again: a function that finds the store's new page and event channel, which is called
    /// until it succeeds; or <see langword="null"/> if the suspend was cancelled. If it throws, the domain was not suspended.
    /// </param>
    /// <param name="onReport">Receives the report of each bus.</param>
    /// <param name="cancellationToken">
    /// Ends the wait for drivers and store; then the domain is not suspended. After the suspend it ends only the wait for the store, and
    /// the buses stay suspended: for a caller that disposes of all of them.
    /// </param>
    public static async Task<SuspendOutcome> RunAsync(
        XenStoreClient store,
        IReadOnlyList<DeviceBus> buses,
        Func<ValueTask<Func<IXenStoreTransport>?>> suspendDomain,
        Action<SuspendReport>? onReport,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(buses);
        ArgumentNullException.ThrowIfNull(suspendDomain);
        List<DeviceBus> suspended = [];
        bool isStoreSuspended = false;
        Func<IXenStoreTransport>? find = null;
        try
        {
            foreach (DeviceBus bus in buses)
            {
                SuspendReport report = await bus.SuspendAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                if (report.IsReady)
                {
                    suspended.Add(bus);
                }

                onReport?.Invoke(report);
                if (!report.IsReady)
                {
                    return SuspendOutcome.Refused;
                }
            }

            await store.SuspendAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            isStoreSuspended = true;
            cancellationToken.ThrowIfCancellationRequested();
            find = await suspendDomain().ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            if (find is null)
            {
                if (isStoreSuspended)
                {
                    CancelSuspend(store);
                }

                foreach (DeviceBus bus in suspended)
                {
                    await bus.CancelSuspendAsync().ConfigureAwait(EventLoop.IsCurrent);
                }
            }
        }

        if (find is null)
        {
            return SuspendOutcome.Cancelled;
        }

        await store.ResumeAsync(find, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        foreach (DeviceBus bus in buses)
        {
            await bus.ResumeAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }

        return SuspendOutcome.Resumed;
    }

    private static void CancelSuspend(XenStoreClient store)
    {
        try
        {
            store.CancelSuspend();
        }
        catch (XenStoreException)
        {
            // The client was disposed of, which its users notice. The buses must continue all the same.
        }
    }
}
