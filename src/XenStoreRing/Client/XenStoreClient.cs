using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing;

/// <summary>
/// A xenstore client. It is thread-safe. Requests are sent in the order of the calls, up to 20 of them before their replies.
/// </summary>
public sealed class XenStoreClient : XenStoreOperations, IAsyncDisposable
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    private XenStoreClient(XenStoreConnection connection)
        : base(connection) => connection.Changed = failure => ConnectionChanged?.Invoke(this, new(failure));

    /// <summary>
    /// Raised when the connection is lost or cannot be restored, once for each reason, and when it is restored. Only a client that
    /// reconnects (<see cref="ConnectAsync(Func{IXenStoreTransport}, XenStoreClientOptions?, CancellationToken)"/>) or is being resumed
    /// raises it, one call at a time; with a <see cref="Loop"/>, on a pool thread.
    /// </summary>
    public event EventHandler<XenStoreConnectionEventArgs>? ConnectionChanged;

    /// <summary>
    /// Completes when the connection has ended for good, for whatever reason, and has left the ring for a successor. Never faults.
    /// </summary>
    public Task Closed => Connection.Closed;

    /// <summary>Why the connection has ended for good, or <see langword="null"/> while it has not.</summary>
    public XenStoreException? ClosedReason => Connection.ClosedReason;

    /// <summary>
    /// Whether the connection has ended for good, or is ending: every request fails, and every watch. Whoever sees one fail for that
    /// finds it set; <see cref="Closed"/> follows, after <see cref="XenStoreClientOptions.DisposeTimeLimit"/> at most.
    /// </summary>
    public bool HasEnded => ClosedReason is not null;

    /// <summary>Counters of the connection.</summary>
    public XenStoreStatistics Statistics => Connection.Statistics;

    /// <summary>The features that the server reports.</summary>
    public XenStoreServerFeatures ServerFeatures => Connection.Transport.ServerFeatures;

    /// <summary>The event loop that carries the connection, or <see langword="null"/> for the thread pool.</summary>
    public EventLoop? Loop => Connection.Options.Loop;

    private protected override uint TransactionForRequest => 0;

    /// <summary>
    /// Connects over <paramref name="transport"/>, which the client then owns.
    /// </summary>
    public static async ValueTask<XenStoreClient> ConnectAsync(
        IXenStoreTransport transport, XenStoreClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        options ??= new();
        options.Check();
        return await OpenAsync(() => transport, options, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>
    /// Connects over the transport that <paramref name="connect"/> returns, and reconnects over another one when the connection is lost:
    /// when xenstored was restarted or replaced, has given up the ring, or broke the protocol. The client owns each transport, and disposes
    /// one before it asks for the next.
    /// </summary>
    /// <remarks>
    /// When the connection is lost, requests in progress and transactions fail with <see cref="XenStoreError.ConnectionClosed"/>, since
    /// they may or may not have been carried out. Later requests wait, within their time limit. The client tries again after a second, then
    /// after pauses that grow to 30 seconds. Then every watch is registered again and gives an event with <c>MustRescan</c>. Only
    /// <see cref="DisposeAsync"/> ends this.
    /// </remarks>
    /// <exception cref="XenStoreException">The first connection failed.</exception>
    public static async ValueTask<XenStoreClient> ConnectAsync(
        Func<IXenStoreTransport> connect, XenStoreClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connect);
        options ??= new();
        options.Check();
        XenStoreClient client = await OpenAsync(connect, options, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        client.Connection.ReconnectWith(connect);
        return client.ClosedReason is { } reason ? throw new XenStoreException(reason.Error, reason.Message, reason) : client;
    }

    /// <summary>Connects to this machine's xenstore: see <see cref="XenStoreTransport.FindLocal"/>.</summary>
    public static ValueTask<XenStoreClient> ConnectAsync(
        XenStoreClientOptions? options = null, CancellationToken cancellationToken = default) =>
        ConnectAsync(XenStoreTransport.FindLocal(), options, cancellationToken);

    /// <summary>
    /// Registers a watch on a node and everything below it, or on <c>@introduceDomain</c> or <c>@releaseDomain</c>. The node need not
    /// exist. Too many watches fail with <see cref="XenStoreError.E2BIG"/>, <see cref="XenStoreError.ENOSPC"/> or
    /// <see cref="XenStoreError.EQUOTA"/>, depending on the server.
    /// </summary>
    public ValueTask<XenStoreWatch> WatchAsync(string path, CancellationToken cancellationToken = default) =>
        FindBadPath(XenStoreMessageType.Watch, path) is { } failure
            ? ValueTask.FromException<XenStoreWatch>(failure)
            : Connection.WatchAsync(path, cancellationToken);

    /// <summary>Begins a transaction. It must be disposed, which aborts it unless it was committed.</summary>
    public async ValueTask<XenStoreTransaction> BeginTransactionAsync(CancellationToken cancellationToken = default)
    {
        uint id = await SendAsync(RequestMessage.BeginTransaction(), Decoders.TransactionId, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        return new(Connection, id, Connection.EpochOf(id));
    }

    /// <summary>
    /// Runs <paramref name="body"/> in a transaction and commits it. After a conflict it tries again, with growing pauses. The body may
    /// therefore run several times, and must do nothing outside the transaction that cannot be repeated.
    /// </summary>
    /// <exception cref="XenStoreException">
    /// <see cref="XenStoreError.EAGAIN"/> after <see cref="XenStoreClientOptions.TransactionAttempts"/> conflicts.
    /// </exception>
    public async ValueTask<T> TransactAsync<T>(
        Func<XenStoreTransaction, CancellationToken, ValueTask<T>> body, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        for (int attempt = 1; ; attempt++)
        {
            XenStoreTransaction transaction = await BeginTransactionAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            await using (transaction.ConfigureAwait(EventLoop.IsCurrent))
            {
                try
                {
                    T result = await body(transaction, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                    if (await transaction.TryCommitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
                    {
                        return result;
                    }
                }
                catch (XenStoreException error) when (error.Error == XenStoreError.EAGAIN)
                {
                }
            }

            if (attempt >= Connection.Options.TransactionAttempts)
            {
                throw new XenStoreException(XenStoreMessageType.TransactionEnd, null, XenStoreError.EAGAIN, "EAGAIN",
                    string.Create(CultureInfo.InvariantCulture, $"the transaction met a conflict {attempt} times"));
            }

            await Task.Delay(PauseAfter(attempt), Connection.Options.TimeProvider, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Runs <paramref name="body"/> in a transaction and commits it, as <see cref="TransactAsync{T}"/> does.</summary>
    public async ValueTask TransactAsync(
        Func<XenStoreTransaction, CancellationToken, ValueTask> body, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        await TransactAsync(
            async (transaction, token) =>
            {
                await body(transaction, token).ConfigureAwait(EventLoop.IsCurrent);
                return true;
            },
            cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>The path of a domain's own directory, <c>/local/domain/N</c>, whether or not the domain exists.</summary>
    public ValueTask<string> GetDomainPathAsync(uint domain, CancellationToken cancellationToken = default) =>
        SendAsync(RequestMessage.OnDomain(XenStoreMessageType.GetDomainPath, domain), Decoders.DomainPath, cancellationToken);

    /// <summary>Whether xenstored serves the domain.</summary>
    public ValueTask<bool> IsDomainIntroducedAsync(uint domain, CancellationToken cancellationToken = default) =>
        SendAsync(RequestMessage.OnDomain(XenStoreMessageType.IsDomainIntroduced, domain), Decoders.TrueOrFalse, cancellationToken);

    /// <summary>
    /// Makes xenstored serve a domain's ring; for the control domain. <paramref name="frame"/> is the guest frame number of the ring's
    /// page.
    /// </summary>
    public async ValueTask IntroduceDomainAsync(uint domain, ulong frame, uint port, CancellationToken cancellationToken = default) =>
        await SendAsync(RequestMessage.Introduce(domain, frame, port), Decoders.Done, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);

    /// <summary>Makes xenstored forget a domain; for the control domain.</summary>
    public async ValueTask ReleaseDomainAsync(uint domain, CancellationToken cancellationToken = default) =>
        await SendAsync(RequestMessage.OnDomain(XenStoreMessageType.Release, domain), Decoders.Done, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);

    /// <summary>Tells xenstored that a domain which had shut down runs again; for the control domain.</summary>
    public async ValueTask ResumeDomainAsync(uint domain, CancellationToken cancellationToken = default) =>
        await SendAsync(RequestMessage.OnDomain(XenStoreMessageType.Resume, domain), Decoders.Done, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);

    /// <summary>Gives <paramref name="domain"/> the rights that <paramref name="target"/> has; for the control domain.</summary>
    public async ValueTask SetTargetAsync(uint domain, uint target, CancellationToken cancellationToken = default) =>
        await SendAsync(RequestMessage.SetTarget(domain, target), Decoders.Done, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);

    /// <summary>
    /// Sends a request that has no method of its own, outside any transaction, and returns its reply's payload. Not for watches,
    /// transactions and their ends, which the client tracks.
    /// </summary>
    public ValueTask<byte[]> RequestAsync(
        XenStoreMessageType type, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        if (type is XenStoreMessageType.Watch or XenStoreMessageType.Unwatch or XenStoreMessageType.TransactionStart
            or XenStoreMessageType.TransactionEnd or XenStoreMessageType.ResetWatches
            or XenStoreMessageType.WatchEvent or XenStoreMessageType.Error)
        {
            throw new ArgumentException($"{type.ToWireName()} cannot be sent as it is.", nameof(type));
        }

        return SendAsync<byte[]>(RequestMessage.Raw(type, payload), Decoders.Bytes!, cancellationToken);
    }

    /// <summary>
    /// The ring's part of a suspend: waits for requests and transactions in progress, within the request time limit, and holds new ones
    /// back. Afterwards nothing touches the page or the doorbell. If it fails, everything continues as before.
    /// </summary>
    public ValueTask SuspendAsync(CancellationToken cancellationToken = default) => Connection.SuspendAsync(cancellationToken);

    /// <summary>Continues after a cancelled suspend, over the same page and event channel, with the watches unchanged.</summary>
    public void CancelSuspend() => Connection.CancelSuspend();

    /// <summary>
    /// Continues after a suspend, possibly under another Xen, over a transport for the new page and port. The client then owns the
    /// transport. All watches are registered again under their tokens and give an event with <c>MustRescan</c>; one that is refused ends
    /// with its error. If no xenstored answers, that is thrown, and the client can be resumed again.
    /// </summary>
    public ValueTask ResumeAsync(IXenStoreTransport transport, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        return Connection.ResumeAsync(transport, cancellationToken);
    }

    /// <summary>
    /// Continues after a suspend over the transport that <paramref name="find"/> returns, which the client then owns. If it finds none, or
    /// no xenstored answers, it is called again after growing pauses, until <see cref="DisposeAsync"/>; <see cref="ConnectionChanged"/>
    /// reports why. Returns when all watches are registered again.
    /// </summary>
    /// <param name="find">Locates page and port again. If it throws, it is called again later.</param>
    /// <param name="cancellationToken">Ends the wait. The client keeps trying.</param>
    /// <exception cref="XenStoreException">The client was disposed.</exception>
    public ValueTask ResumeAsync(Func<IXenStoreTransport> find, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(find);
        return Connection.ResumeAsync(find, cancellationToken);
    }

    /// <summary>
    /// Ends the connection. Waiting requests and watches fail at once. A ring is left clean for a successor, which takes at most
    /// <see cref="XenStoreClientOptions.DisposeTimeLimit"/>.
    /// </summary>
    public ValueTask DisposeAsync() => Connection.DisposeAsync();

    private static Task<XenStoreClient> OpenAsync(
        Func<IXenStoreTransport> connect, XenStoreClientOptions options, CancellationToken cancellationToken) =>
        EventLoop.RunAsync(options.Loop, () => OpenAsync(new XenStoreConnection(connect(), options), cancellationToken));

    private static async Task<XenStoreClient> OpenAsync(XenStoreConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await connection.OpenAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }

        return new(connection);
    }

    private static TimeSpan PauseAfter(int attempt)
    {
        // From 1 ms, doubled each time. A random share of it, so that two clients that conflicted do not conflict again.
        double longest = Math.Min(LongestPause.TotalMilliseconds, Math.Pow(2, Math.Min(attempt - 1, 10)));
        return TimeSpan.FromMilliseconds(longest * (0.5 + (Random.Shared.NextDouble() / 2)));
    }

    private ValueTask<T> SendAsync<T>(in RequestMessage message, Decoder<T> decoder, CancellationToken cancellationToken) =>
        Request<T>.Rent(Connection, message, decoder).Start(cancellationToken);
}
