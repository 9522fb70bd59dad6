using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing;

/// <summary>
/// Operations that take effect together or not at all. It ends once: by a commit, by <see cref="AbortAsync"/>, or by
/// <see cref="DisposeAsync"/>, which aborts. While one is open, the connection cannot be suspended.
/// </summary>
public sealed class XenStoreTransaction : XenStoreOperations, IAsyncDisposable
{
    private const int Open = 0;
    private const int Committed = 1;
    private const int Aborted = 2;

    private readonly int _epoch;
    private int _state;

    internal XenStoreTransaction(XenStoreConnection connection, uint id, int epoch)
        : base(connection)
    {
        Id = id;
        _epoch = epoch;
    }

    /// <summary>The server's id of the transaction.</summary>
    public uint Id { get; }

    private protected override uint TransactionForRequest => Volatile.Read(ref _state) == Open ? CheckedId : throw Ended();

    /// <summary>The id, as long as it means this transaction: on the next connection it may be another's.</summary>
    private uint CheckedId => Connection.Epoch == _epoch ? Id : throw new XenStoreException(
        XenStoreError.ConnectionClosed,
        string.Create(CultureInfo.InvariantCulture, $"the transaction {Id} has ended with the connection it was begun over"));

    /// <summary>Commits. A conflict fails with <see cref="XenStoreError.EAGAIN"/>, and nothing has happened.</summary>
    /// <remarks>If it is cancelled during the commit, the transaction has ended, and whether it took effect is unknown.</remarks>
    public async ValueTask CommitAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        End(Committed);
        await SendEnd(commit: true, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Commits; <see langword="false"/> on a conflict, in which case nothing has happened.</summary>
    public async ValueTask<bool> TryCommitAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await CommitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            return true;
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.EAGAIN)
        {
            return false;
        }
    }

    /// <summary>Ends the transaction without effect.</summary>
    public async ValueTask AbortAsync(CancellationToken cancellationToken = default)
    {
        End(Aborted);
        await SendEnd(commit: false, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Aborts the transaction unless it has ended. Failures do not matter: without a commit, nothing takes effect.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.CompareExchange(ref _state, Aborted, Open) != Open)
        {
            return;
        }

        try
        {
            await SendEnd(commit: false, CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
        }
    }

    private void End(int state)
    {
        if (Interlocked.CompareExchange(ref _state, state, Open) != Open)
        {
            throw Ended();
        }
    }

    private async ValueTask SendEnd(bool commit, CancellationToken cancellationToken)
    {
        // Not cancelled itself: the server must not keep the transaction.
        ValueTask<bool> end = Request<bool>
            .Rent(Connection, RequestMessage.EndTransaction(CheckedId, commit), Decoders.Done)
            .Start(CancellationToken.None);
        if (cancellationToken.CanBeCanceled)
        {
            await end.AsTask().WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        else
        {
            await end.ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private InvalidOperationException Ended() => new(string.Create(CultureInfo.InvariantCulture,
        $"The xenstore transaction {Id} has ended: it was {(_state == Committed ? "committed" : "aborted")}."));
}
