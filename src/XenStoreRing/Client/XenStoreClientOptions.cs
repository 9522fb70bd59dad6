using Xenlet.Kernel;

namespace Xenlet.XenStoreRing;

/// <summary>Settings of a <see cref="XenStoreClient"/>; the defaults suit a guest.</summary>
public sealed record XenStoreClientOptions
{
    /// <summary>
    /// How long a request may take, counted from the call and so with the time spent in the queue;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for no limit.
    /// </summary>
    public TimeSpan RequestTimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for a xenstored that is not there yet; <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</summary>
    public TimeSpan ConnectTimeLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long <see cref="XenStoreClient.DisposeAsync"/> waits for a ring to be clean: replies taken off it, transactions and watches
    /// ended. Without that, a successor on the same ring may find half a message. A socket needs none of this.
    /// </summary>
    public TimeSpan DisposeTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Requests sent and not yet answered, 1 to <see cref="XenStoreLimits.MaxOutstanding"/>; more are queued here.</summary>
    public int MaxOutstanding { get; init; } = XenStoreLimits.MaxOutstanding;

    /// <summary>
    /// Transactions open at the same time, of all users together; beginning another waits for its turn, within
    /// <see cref="RequestTimeLimit"/>. By default what xenstored allows an ordinary domain.
    /// </summary>
    public int MaxTransactions { get; init; } = 10;

    /// <summary>Different paths that a watch keeps for a slow reader before they become one event that says "look at everything".</summary>
    public int WatchCapacity { get; init; } = 64;

    /// <summary>Characters of those paths together, with the same effect.</summary>
    public int WatchCharacters { get; init; } = 16 * 1024;

    /// <summary>
    /// Whether watches that a predecessor left are reset at the start. By default (<see langword="null"/>) they are where the connection
    /// outlives its user and the platform offers it (<c>control/platform-feature-xs_reset_watches</c>).
    /// </summary>
    public bool? ResetWatches { get; init; }

    /// <summary>Times that <see cref="XenStoreClient.TransactAsync{T}"/> tries before it gives up.</summary>
    public int TransactionAttempts { get; init; } = 64;

    /// <summary>The clock for time limits and back-off.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// The event loop that carries the connection: it reads, writes and keeps time limits though the program blocks every thread of the
    /// pool. By default (<see langword="null"/>) it is the pool. Buses and drivers of the store use it too. Whoever makes it disposes of
    /// it, after the client.
    /// </summary>
    public EventLoop? Loop { get; init; }

    internal void Check()
    {
        CheckLimit(RequestTimeLimit, nameof(RequestTimeLimit));
        CheckLimit(ConnectTimeLimit, nameof(ConnectTimeLimit));
        CheckLimit(DisposeTimeLimit, nameof(DisposeTimeLimit));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxOutstanding, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxOutstanding, XenStoreLimits.MaxOutstanding);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTransactions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(WatchCapacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(WatchCharacters, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(TransactionAttempts, 1);
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }

    private static void CheckLimit(TimeSpan limit, string name)
    {
        if (limit != Timeout.InfiniteTimeSpan && (limit <= TimeSpan.Zero || limit > TimeSpan.FromDays(1)))
        {
            throw new ArgumentOutOfRangeException(name, limit, "A time limit is positive and at most a day, or Timeout.InfiniteTimeSpan.");
        }
    }
}
