using Xenlet.Kernel;

namespace Xenlet.XenStoreRing;

/// <summary>Options of a <see cref="XenStoreClient"/>. The defaults suit a guest.</summary>
public sealed record XenStoreClientOptions
{
    /// <summary>
    /// How long a request may take from the call on, including its time in the queue; <see cref="Timeout.InfiniteTimeSpan"/> for no limit.
    /// </summary>
    public TimeSpan RequestTimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for a xenstored that is not running yet; <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</summary>
    public TimeSpan ConnectTimeLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long <see cref="XenStoreClient.DisposeAsync"/> waits to leave a ring clean: replies read, transactions and watches ended.
    /// Otherwise a successor on the same ring may find half a message. A socket needs none of this.
    /// </summary>
    public TimeSpan DisposeTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The maximum number of requests sent and not yet answered, 1 to <see cref="XenStoreLimits.MaxOutstanding"/>. More are queued in the
    /// client.
    /// </summary>
    public int MaxOutstanding { get; init; } = XenStoreLimits.MaxOutstanding;

    /// <summary>
    /// The maximum number of transactions open at the same time, of all users together. Beginning another one waits for its turn, within
    /// <see cref="RequestTimeLimit"/>. The default is what xenstored allows an ordinary domain.
    /// </summary>
    public int MaxTransactions { get; init; } = 10;

    /// <summary>
    /// The number of different paths that a watch keeps for a slow reader before they become one event with <c>MustRescan</c>.
    /// </summary>
    public int WatchCapacity { get; init; } = 64;

    /// <summary>The total number of characters in those paths, with the same effect.</summary>
    public int WatchCharacters { get; init; } = 16 * 1024;

    /// <summary>
    /// Whether to reset watches that a predecessor left. By default (<see langword="null"/>), they are reset if the connection outlives its
    /// user and the platform supports it (<c>control/platform-feature-xs_reset_watches</c>).
    /// </summary>
    public bool? ResetWatches { get; init; }

    /// <summary>The number of attempts that <see cref="XenStoreClient.TransactAsync{T}"/> makes.</summary>
    public int TransactionAttempts { get; init; } = 64;

    /// <summary>The clock for time limits and back-off.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// The event loop that carries the connection: it reads, writes and keeps time limits even while the program blocks every pool thread.
    /// The default (<see langword="null"/>) is the pool. Buses and drivers that use the store run on it too. Its creator disposes it, after
    /// the client.
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
