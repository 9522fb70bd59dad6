using Xenlet.Kernel;

namespace Xenlet.XenStoreRing;

/// <summary>
/// The domain's own connection to xenstore, for the parts of a program that need it beside the domain's services. A domain has one
/// connection, and whoever has it open lends the client here.
/// </summary>
/// <remarks>
/// A client may end and another one be lent in its place: when the program opens the connection itself, the services that the image
/// started end first. Whoever uses one waits for the next then.
/// </remarks>
public static class DomainStore
{
    private static readonly Lock ListLock = new();
    private static readonly List<XenStoreClient> Lent = [];
    private static readonly ManualResetEvent Wanted = new(false);
    private static TaskCompletionSource s_change = NewChange();
    private static bool s_isExpected;

    /// <summary>Whether somebody lends a client, or has said that somebody will.</summary>
    public static bool IsExpected
    {
        get
        {
            lock (ListLock)
            {
                return s_isExpected || Lent.Count > 0;
            }
        }
    }

    /// <summary>Says that a client will be lent: whoever needs one waits for it.</summary>
    public static void Expect()
    {
        lock (ListLock)
        {
            s_isExpected = true;
        }
    }

    /// <summary>Lends a client until the result is disposed of. The caller keeps it, and disposes of it after the result.</summary>
    /// <param name="client">A client of the domain's own connection.</param>
    public static IDisposable Lend(XenStoreClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        TaskCompletionSource change;
        lock (ListLock)
        {
            Lent.Add(client);
            change = s_change;
            s_change = NewChange();
        }

        change.SetResult();
        return new Loan(client);
    }

    /// <summary>The client that was lent last; waits until there is one that has not ended.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<XenStoreClient> WaitAsync(CancellationToken cancellationToken = default)
    {
        Wanted.Set();
        while (true)
        {
            Task change;
            lock (ListLock)
            {
                if (Lent.FindLast(client => !client.HasEnded) is { } client)
                {
                    return client;
                }

                change = s_change.Task;
            }

            await change.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Waits until somebody needs a client, or until a time has passed: for whoever would lend one later rather than sooner.
    /// </summary>
    /// <param name="limit">The longest wait.</param>
    public static void WaitUntilWanted(TimeSpan limit) => Wanted.WaitOne(limit);

    private static TaskCompletionSource NewChange() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Loan(XenStoreClient client) : IDisposable
    {
        public void Dispose()
        {
            lock (ListLock)
            {
                Lent.Remove(client);
            }
        }
    }
}
