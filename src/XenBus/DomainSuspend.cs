using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

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
    /// <inheritdoc cref="RunAsync(XenStoreClient, IReadOnlyList{DeviceBus}, Func{ValueTask{IXenStoreTransport}}, Action{SuspendReport}, CancellationToken)"/>
    public static Task<SuspendOutcome> RunAsync(
        XenStoreClient store, IReadOnlyList<DeviceBus> buses, Func<ValueTask<IXenStoreTransport?>> suspendDomain, CancellationToken cancellationToken = default) =>
        RunAsync(store, buses, suspendDomain, hear: null, cancellationToken);

    /// <summary>
    /// Brings <paramref name="buses"/> to rest, one after another, then <paramref name="store"/>, and calls <paramref name="suspendDomain"/>;
    /// then the store goes on, then the buses. When anything fails before the domain was suspended, all go on as if nothing had happened.
    /// </summary>
    /// <param name="store">The store that the buses use.</param>
    /// <param name="buses">The buses; the later ones are told of a suspend later.</param>
    /// <param name="suspendDomain">
    /// Suspends the domain. Returns after it runs again: with a transport for the store's page and event channel, read anew; or with
    /// <see langword="null"/> when the suspend was cancelled.
    /// </param>
    /// <param name="hear">Is told what the drivers of each bus said.</param>
    /// <param name="cancellationToken">Ends the waiting for drivers and store; the domain is not suspended then.</param>
    public static async Task<SuspendOutcome> RunAsync(
        XenStoreClient store,
        IReadOnlyList<DeviceBus> buses,
        Func<ValueTask<IXenStoreTransport?>> suspendDomain,
        Action<SuspendReport>? hear,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(buses);
        ArgumentNullException.ThrowIfNull(suspendDomain);
        int suspended = 0;
        IXenStoreTransport? transport = null;
        bool storeSuspended = false;
        try
        {
            for (; suspended < buses.Count; suspended++)
            {
                SuspendReport report = await buses[suspended].SuspendAsync(cancellationToken).ConfigureAwait(false);
                hear?.Invoke(report);
                if (!report.IsReady)
                {
                    return SuspendOutcome.Refused;
                }
            }

            await store.SuspendAsync(cancellationToken).ConfigureAwait(false);
            storeSuspended = true;
            transport = await suspendDomain().ConfigureAwait(false);
        }
        finally
        {
            if (transport is null)
            {
                if (storeSuspended)
                {
                    store.CancelSuspend();
                }

                for (int i = 0; i < suspended; i++)
                {
                    await buses[i].CancelSuspendAsync().ConfigureAwait(false);
                }
            }
        }

        if (transport is null)
        {
            return SuspendOutcome.Cancelled;
        }

        // From here on the domain runs, so nothing is cancelled.
        await store.ResumeAsync(transport, CancellationToken.None).ConfigureAwait(false);
        foreach (DeviceBus bus in buses)
        {
            await bus.ResumeAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return SuspendOutcome.Resumed;
    }
}
