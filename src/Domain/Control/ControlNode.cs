using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>
/// A node to which the tool stack writes requests. After a failure it tries again, with growing pauses: it registers a watch that ended
/// anew, and reads a request that it could not read or acknowledge once more.
/// </summary>
/// <param name="path">The node.</param>
/// <param name="store">The store that has the node.</param>
/// <param name="output">Receives failures, each reason once.</param>
/// <param name="clock">The clock for the pauses and for acknowledgements.</param>
/// <param name="loop">Runs this, or <see langword="null"/> for the thread pool.</param>
/// <param name="carryOut">Carries out a request; its second argument is the time of the acknowledgement, by the clock.</param>
internal sealed class ControlNode(
    string path, XenStoreClient store, ControlOutput output, TimeProvider clock, EventLoop? loop, Func<string, long, Task> carryOut)
{
    private readonly XenStoreRetryPause _pause = new();
    private string? _lastFailure;

    /// <summary>Starts to follow the node. The returned task ends when <paramref name="cancellationToken"/> is cancelled.</summary>
    /// <exception cref="XenStoreException">The node cannot be watched.</exception>
    public async Task<Task> StartAsync(CancellationToken startCancellationToken, CancellationToken cancellationToken)
    {
        XenStoreWatch watch = await store.WatchAsync(path, startCancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        return EventLoop.Start(loop, () => RunAsync(watch, cancellationToken));
    }

    private async Task RunAsync(XenStoreWatch watch, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await FollowAsync(watch, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                if (cancellationToken.IsCancellationRequested || store.HasEnded)
                {
                    return;
                }

                watch = await WatchAgainAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (XenStoreException error) when (store.HasEnded)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                output.Message($"{path} is followed no longer: {error.Message}");
            }
        }
    }

    /// <summary>Carries out requests until the watch ends.</summary>
    private async Task FollowAsync(XenStoreWatch watch, CancellationToken cancellationToken)
    {
        try
        {
            // Our own acknowledgement causes an event too; then the node is empty.
            while (await watch.WaitToReadAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                while (watch.TryRead(out _))
                {
                }

                (string request, long acknowledged) = await TakeAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                if (request.Length > 0)
                {
                    await TryAsync(request, acknowledged, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }
            }
        }
        catch (XenStoreException error) when (!store.HasEnded)
        {
            await PauseAfterAsync($"{path} is not watched any more: {error.Message}", cancellationToken).ConfigureAwait(
                EventLoop.IsCurrent);
        }
        finally
        {
            await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async Task<XenStoreWatch> WatchAgainAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await store.WatchAsync(path, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException error) when (!store.HasEnded)
            {
                await PauseAfterAsync($"{path} cannot be watched: {error.Message}", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
    }

    /// <summary>
    /// Reads a request and acknowledges it, in one transaction: the tool stack may withdraw it at the same time. It tries again after a
    /// failure, since there is no second event for the same request.
    /// </summary>
    private async Task<(string Request, long Acknowledged)> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            string request = "";
            long acknowledged = 0;
            try
            {
                await store.TransactAsync(
                    async (transaction, cancellationToken) =>
                    {
                        // The tool stack sees the acknowledgement later than this, so its own time limit ends later too.
                        acknowledged = clock.GetTimestamp();
                        request = await transaction.TryReadAsync(path, cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? "";
                        if (request.Length > 0)
                        {
                            await transaction.WriteAsync(path, "", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                        }
                    },
                    cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                _pause.Reset();
                _lastFailure = null;
                return (request, acknowledged);
            }
            catch (XenStoreException error) when (!store.HasEnded)
            {
                string what = request.Length == 0
                    ? $"{path} cannot be read: {error.Message}"
                    : $"{path}: {ControlOutput.Quote(request)} cannot be acknowledged, and is not carried out: {error.Message}";
                await PauseAfterAsync(what, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
    }

    /// <summary>Carries out a request. A failure must not stop later requests.</summary>
    private async Task TryAsync(string request, long acknowledged, CancellationToken cancellationToken)
    {
        try
        {
            await carryOut(request, acknowledged).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            output.Message($"{path}: {ControlOutput.Quote(request)} failed: {error.Message}");
        }
    }

    private async Task PauseAfterAsync(string what, CancellationToken cancellationToken)
    {
        if (what != _lastFailure)
        {
            _lastFailure = what;
            output.Message(what);
        }

        await Task.Delay(_pause.Next(), clock, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }
}
