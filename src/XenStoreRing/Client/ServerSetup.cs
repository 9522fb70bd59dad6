using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// The setup of a new connection before ordinary requests: reset a predecessor's watches, end transactions that a lost connection left
/// open, register watches again. Everything is sent as urgent requests.
/// </summary>
/// <param name="connection">Carries the requests.</param>
internal sealed class ServerSetup(XenStoreConnection connection)
{
    private const string ResetWatchesFlag = "control/platform-feature-xs_reset_watches";

    /// <summary>Resets a predecessor's watches, if required and supported by the platform.</summary>
    public async ValueTask ResetOldWatchesAsync(CancellationToken cancellationToken)
    {
        bool? wanted = connection.Options.ResetWatches;
        bool reset = wanted ?? connection.Transport.OutlivesClient;
        if (reset && wanted is null)
        {
            reset = await IsResetOfferedAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }

        if (!reset)
        {
            return;
        }

        try
        {
            await SendAsync(RequestMessage.ResetWatches(), Decoders.Done, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error) when (IsRefusal(error) && wanted is null)
        {
        }
    }

    /// <summary>Ends transactions. The same xenstored still has them; another one does not know them.</summary>
    public Task EndTransactionsAsync(uint[] transactions)
    {
        return Task.WhenAll(Array.ConvertAll(transactions, EndAsync));

        async Task EndAsync(uint transaction)
        {
            try
            {
                await SendAsync(RequestMessage.EndTransaction(transaction, commit: false), Decoders.Done, CancellationToken.None)
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException)
            {
                // Another xenstored does not know it.
            }
        }
    }

    /// <summary>Registers a watch. Returns the failure, or <see langword="null"/>.</summary>
    public async Task<XenStoreException?> RegisterAsync(XenStoreWatch watch)
    {
        try
        {
            await SendAsync(RequestMessage.Watch(watch.Path, watch.Token), Decoders.Done, CancellationToken.None)
                .ConfigureAwait(EventLoop.IsCurrent);
            return null;
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.EEXIST)
        {
            // The registration has survived, so no first event will arrive.
            return null;
        }
        catch (XenStoreException error)
        {
            return error;
        }
    }

    private async ValueTask<bool> IsResetOfferedAsync(CancellationToken cancellationToken)
    {
        try
        {
            RequestMessage read = RequestMessage.OnNode(XenStoreMessageType.Read, 0, ResetWatchesFlag);
            return await SendAsync(read, Decoders.Text, cancellationToken, absentIsDefault: true)
                .ConfigureAwait(EventLoop.IsCurrent) == "1";
        }
        catch (XenStoreException error) when (IsRefusal(error))
        {
            return false;
        }
    }

    private ValueTask<T> SendAsync<T>(
        in RequestMessage message, Decoder<T> decoder, CancellationToken cancellationToken, bool absentIsDefault = false)
    {
        Request<T> request = Request<T>.Rent(connection, message, decoder);
        request.Urgent = true;
        request.AbsentIsDefault = absentIsDefault;
        return request.Start(cancellationToken);
    }

    /// <summary>Whether the server replied with a refusal.</summary>
    private static bool IsRefusal(XenStoreException error) =>
        error.Error is not (XenStoreError.TimedOut or XenStoreError.ConnectionClosed or XenStoreError.ProtocolViolation);
}
