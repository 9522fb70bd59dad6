using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>How a suspend ended.</summary>
public enum SuspendOutcome
{
    /// <summary>A driver refused, and the domain was not suspended.</summary>
    Refused,

    /// <summary>The domain was not suspended, or was resumed where it was, with all its connections.</summary>
    Cancelled,

    /// <summary>The domain runs again, with connections made anew.</summary>
    Resumed,
}

/// <summary>Suspends and resumes buses and their store in the order that is due.</summary>
public static class DomainSuspend
{
    /// <summary>The same, where nobody is to be told what the drivers said.</summary>
    /// <param name="store">The store that the buses use.</param>
    /// <param name="buses">The buses; the later ones are told of a suspend later.</param>
    /// <param name="suspendDomain">Suspends the domain.</param>
    /// <param name="cancellationToken">Ends the waiting for drivers and store; the domain is not suspended then.</param>
    public static Task<SuspendOutcome> RunAsync(
        XenStoreClient store,
        IReadOnlyList<DeviceBus> buses,
        Func<ValueTask<Func<IXenStoreTransport>?>> suspendDomain,
        CancellationToken cancellationToken = default) =>
        RunAsync(store, buses, suspendDomain, hear: null, cancellationToken);

    /// <summary>
    /// Brings <paramref name="buses"/> to rest, one after another, then <paramref name="store"/>, and calls
    /// <paramref name="suspendDomain"/>; then the store goes on, then the buses. When anything fails before the domain was suspended, all
    /// go on as if nothing had happened. After it, nothing does: a store that is not found is looked for again, until it is there or the
    /// client was disposed of.
    /// </summary>
    /// <param name="store">The store that the buses use.</param>
    /// <param name="buses">The buses; the later ones are told of a suspend later.</param>
    /// <param name="suspendDomain">
    /// Suspends the domain. Returns after it runs again: with what finds the store's page and event channel anew, called until it does;
    /// or with <see langword="null"/> when the suspend was cancelled. When it throws, the domain was not suspended.
    /// </param>
    /// <param name="hear">Is told what the drivers of each bus said.</param>
    /// <param name="cancellationToken">
    /// Ends the waiting for drivers and store; the domain is not suspended then. After the suspend it ends the waiting for the store
    /// only, and leaves the buses at rest: for whoever disposes of them all.
    /// </param>
    public static async Task<SuspendOutcome> RunAsync(
        XenStoreClient store,
        IReadOnlyList<DeviceBus> buses,
        Func<ValueTask<Func<IXenStoreTransport>?>> suspendDomain,
        Action<SuspendReport>? hear,
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

                hear?.Invoke(report);
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
                    GoOn(store);
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

    private static void GoOn(XenStoreClient store)
    {
        try
        {
            store.CancelSuspend();
        }
        catch (XenStoreException)
        {
            // It was disposed of meanwhile, which whoever uses it learns. The buses are to go on all the same.
        }
    }
}
