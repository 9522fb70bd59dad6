using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Registering and unregistering watches.</summary>
internal sealed partial class XenStoreConnection
{
    private readonly WatchTable _watches;

    public async ValueTask<XenStoreWatch> WatchAsync(string path, CancellationToken cancellationToken)
    {
        XenStoreWatch watch;
        lock (_lock)
        {
            watch = _watches.Add(path);
        }

        try
        {
            await Request<bool>.Rent(this, RequestMessage.Watch(path, watch.Token), Decoders.Done)
                .Start(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            lock (_lock)
            {
                _watches.Remove(watch);
            }

            throw;
        }

        return watch;
    }

    /// <summary>Removes a watch and tells the server. Failures do not matter: no event can reach the watch any more.</summary>
    private async ValueTask UnwatchAsync(XenStoreWatch watch)
    {
        lock (_lock)
        {
            if (!_watches.Remove(watch) || !watch.IsRegistered || _failure is not null)
            {
                return;
            }

            if (_state is RunState.Suspended or RunState.Lost or RunState.Resuming)
            {
                // Nobody can be asked now, and disposing the watch must not wait for that. Another xenstored does not know it.
                Enqueue(RequestMessage.Unwatch(watch.Path, watch.Token));
                return;
            }
        }

        try
        {
            await Request<bool>.Rent(this, RequestMessage.Unwatch(watch.Path, watch.Token), Decoders.Done)
                .Start(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
        }
    }
}
