using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>
/// A node in which the tool stack asks. It is never deaf for ever: a watch that ended is registered anew, and a request that could not be
/// read or acknowledged is read again, after pauses that grow.
/// </summary>
/// <param name="path">The node.</param>
/// <param name="store">The store it is in.</param>
/// <param name="output">Where is said what does not work, each reason once.</param>
/// <param name="clock">The clock for the pauses and for acknowledgements.</param>
/// <param name="loop">Where the node is followed, or <see langword="null"/> for the thread pool.</param>
/// <param name="carryOut">Does what is asked; it is told too when the request was acknowledged, as a timestamp of the clock.</param>
internal sealed class ControlNode(
    string path, XenStoreClient store, ControlOutput output, TimeProvider clock, EventLoop? loop, Func<string, long, Task> carryOut)
{
    private readonly XenStoreRetryPause _pause = new();
    private string? _said;

    /// <summary>Begins to follow the node; the task that is given ends with the token.</summary>
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
                if (cancellationToken.IsCancellationRequested || store.Closed.IsCompleted)
                {
                    return;
                }

                watch = await WatchAgainAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (XenStoreException error) when (store.Closed.IsCompleted)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                output.Message($"{path} is followed no longer: {error.Message}");
            }
        }
    }

    /// <summary>Carries out what is asked until the watch ends.</summary>
    private async Task FollowAsync(XenStoreWatch watch, CancellationToken cancellationToken)
    {
        try
        {
            // Our own answer is an event too, and finds the node empty.
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
        catch (XenStoreException error) when (!store.Closed.IsCompleted)
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
            catch (XenStoreException error) when (!store.Closed.IsCompleted)
            {
                await PauseAfterAsync($"{path} cannot be watched: {error.Message}", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
    }

    /// <summary>
    /// Reads a request and acknowledges it, in one transaction: the tool stack may take it back at the same time. What fails is tried
    /// again, since no event would say once more that there is a request.
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
                        // The tool stack sees the acknowledgement after this, so it cannot have counted longer.
                        acknowledged = clock.GetTimestamp();
                        request = await transaction.TryReadAsync(path, cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? "";
                        if (request.Length > 0)
                        {
                            await transaction.WriteAsync(path, "", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                        }
                    },
                    cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                _pause.Reset();
                _said = null;
                return (request, acknowledged);
            }
            catch (XenStoreException error) when (!store.Closed.IsCompleted)
            {
                string what = request.Length == 0
                    ? $"{path} cannot be read: {error.Message}"
                    : $"{path}: {ControlOutput.Quote(request)} cannot be acknowledged, and is not carried out: {error.Message}";
                await PauseAfterAsync(what, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
    }

    /// <summary>A request that fails must not keep the next from being heard.</summary>
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
        if (what != _said)
        {
            _said = what;
            output.Message(what);
        }

        await Task.Delay(_pause.Next(), clock, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }
}
