using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing;

/// <summary>
/// A client of xenstore. Any number of tasks may use it at once; requests are sent in the order of the calls, up to 20 of them
/// ahead of their replies.
/// </summary>
public sealed class XenStoreClient : XenStoreOperations, IAsyncDisposable
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    private XenStoreClient(XenStoreConnection connection)
        : base(connection) => connection.Changed = failure => ConnectionChanged?.Invoke(this, new(failure));

    /// <summary>
    /// Says when the connection is lost, or does not come back, each reason once; and when it is there again. Only a client that comes back
    /// (<see cref="ConnectAsync(Func{IXenStoreTransport}, XenStoreClientOptions?, CancellationToken)"/>), or is being resumed, raises it,
    /// one call at a time; with a <see cref="Loop"/>, on a thread of the pool.
    /// </summary>
    public event EventHandler<XenStoreConnectionEventArgs>? ConnectionChanged;

    /// <summary>Completes when the connection has ended for good, for whatever reason; never faults.</summary>
    public Task Closed => Connection.Closed;

    /// <summary>Why the connection has ended for good, or <see langword="null"/> while it has not.</summary>
    public XenStoreException? ClosedReason => Connection.ClosedReason;

    /// <summary>What the connection has seen so far.</summary>
    public XenStoreStatistics Statistics => Connection.Statistics;

    /// <summary>What the server says it can do.</summary>
    public XenStoreServerFeatures ServerFeatures => Connection.Transport.ServerFeatures;

    /// <summary>The event loop that carries the connection, or <see langword="null"/> for the thread pool.</summary>
    public EventLoop? Loop => Connection.Options.Loop;

    private protected override uint TransactionForRequest => 0;

    /// <summary>Connects over <paramref name="transport"/>, which the client then owns.</summary>
    public static async ValueTask<XenStoreClient> ConnectAsync(
        IXenStoreTransport transport, XenStoreClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        options ??= new();
        options.Check();
        return await OpenAsync(() => transport, options, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>
    /// Connects over the transport that <paramref name="connect"/> gives, and again over another one when the connection is lost:
    /// xenstored was restarted or exchanged, has given up the ring, or broke the protocol. The client owns what it is given, and asks for
    /// the next when it has disposed of the last.
    /// </summary>
    /// <remarks>
    /// Requests under way fail with <see cref="XenStoreError.ConnectionClosed"/> when the connection is lost, since they may have been
    /// carried out or not, and so do transactions. Later ones wait, within their time limit. It is tried again after a second, then after
    /// pauses that grow to 30. Then every watch is registered again and says "look at everything". Only <see cref="DisposeAsync"/> ends
    /// it.
    /// </remarks>
    /// <exception cref="XenStoreException">The first connection did not come about.</exception>
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

    /// <summary>Connects to the xenstore of this machine: see <see cref="XenStoreTransport.FindLocal"/>.</summary>
    public static ValueTask<XenStoreClient> ConnectAsync(
        XenStoreClientOptions? options = null, CancellationToken cancellationToken = default) =>
        ConnectAsync(XenStoreTransport.FindLocal(), options, cancellationToken);

    /// <summary>
    /// Registers a watch on a node and all below it, or on <c>@introduceDomain</c> or <c>@releaseDomain</c>. The node need not exist.
    /// Too many watches are <see cref="XenStoreError.E2BIG"/>, <see cref="XenStoreError.ENOSPC"/> or <see cref="XenStoreError.EQUOTA"/>,
    /// as the server has it.
    /// </summary>
    public ValueTask<XenStoreWatch> WatchAsync(string path, CancellationToken cancellationToken = default) =>
        FindBadPath(XenStoreMessageType.Watch, path) is { } failure
            ? ValueTask.FromException<XenStoreWatch>(failure)
            : Connection.WatchAsync(path, cancellationToken);

    /// <summary>Begins a transaction. It must be disposed of, which aborts it unless it was committed.</summary>
    public async ValueTask<XenStoreTransaction> BeginTransactionAsync(CancellationToken cancellationToken = default)
    {
        uint id = await SendAsync(RequestMessage.BeginTransaction(), Decoders.TransactionId, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        return new(Connection, id, Connection.EpochOf(id));
    }

    /// <summary>
    /// Runs <paramref name="body"/> in a transaction and commits it; again, after a pause that grows, when it met a conflict. The body
    /// may so run several times, and must do nothing outside the transaction that cannot be repeated.
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
    /// Makes xenstored serve a domain's ring; for the control domain. <paramref name="frame"/> is its page's number in the domain.
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
    /// Sends a request that has no method of its own, outside any transaction, and gives its reply's payload. Not for watches,
    /// transactions and their ends, which the client keeps books on.
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
    /// The ring's part of a suspend: waits for requests and transactions under way, within the request time limit, and holds new ones
    /// back. After it, nothing touches page or doorbell. If it fails, everything goes on as before.
    /// </summary>
    public ValueTask SuspendAsync(CancellationToken cancellationToken = default) => Connection.SuspendAsync(cancellationToken);

    /// <summary>Goes on after a suspend that was cancelled: over the same page and event channel, with watches as they were.</summary>
    public void CancelSuspend() => Connection.CancelSuspend();

    /// <summary>
    /// Goes on after a suspend, in what may be another Xen: over a transport for the page and port read anew, which the client then
    /// owns. All watches are registered again under their tokens and say "look at everything"; one that the server refuses ends with its
    /// error. When no xenstored answers, that is thrown, and the client can be resumed again.
    /// </summary>
    public ValueTask ResumeAsync(IXenStoreTransport transport, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        return Connection.ResumeAsync(transport, cancellationToken);
    }

    /// <summary>
    /// Goes on after a suspend, over the transport that <paramref name="find"/> gives, which the client then owns. When it finds none, or
    /// no xenstored answers, it is asked again after pauses that grow, until <see cref="DisposeAsync"/>; <see cref="ConnectionChanged"/>
    /// says why. Returns when all watches are registered again.
    /// </summary>
    /// <param name="find">Finds page and port anew. What it throws is a failure to find them.</param>
    /// <param name="cancellationToken">Ends the waiting; the client goes on trying.</param>
    /// <exception cref="XenStoreException">The client was disposed of.</exception>
    public ValueTask ResumeAsync(Func<IXenStoreTransport> find, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(find);
        return Connection.ResumeAsync(find, cancellationToken);
    }

    /// <summary>
    /// Ends the connection; requests and watches that are waiting fail at once. A ring is then left clean for a successor, which takes at
    /// most <see cref="XenStoreClientOptions.DisposeTimeLimit"/>.
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
        // From 1 ms, doubled each time; a random share of it, so that two that met do not meet again.
        double longest = Math.Min(LongestPause.TotalMilliseconds, Math.Pow(2, Math.Min(attempt - 1, 10)));
        return TimeSpan.FromMilliseconds(longest * (0.5 + (Random.Shared.NextDouble() / 2)));
    }

    private ValueTask<T> SendAsync<T>(in RequestMessage message, Decoder<T> decoder, CancellationToken cancellationToken) =>
        Request<T>.Rent(Connection, message, decoder).Start(cancellationToken);
}
