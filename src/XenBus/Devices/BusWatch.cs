using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Devices;

/// <summary>The watch on a bus's directory. One that xenstored refused, or that has ended, is registered again after a pause.</summary>
internal sealed class BusWatch : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly XenStoreClient _store;
    private readonly string _node;
    private readonly IBusWatcher _watcher;
    private readonly RetryTimer _retry;
    private readonly CancellationTokenSource _end = new();
    private XenStoreWatch? _watch;
    private bool _isDisposed;

    /// <param name="store">The store.</param>
    /// <param name="node">The bus's directory.</param>
    /// <param name="clock">Measures the pauses.</param>
    /// <param name="watcher">Hears of the watch.</param>
    public BusWatch(XenStoreClient store, string node, TimeProvider clock, IBusWatcher watcher)
    {
        _store = store;
        _node = node;
        _watcher = watcher;
        _retry = new(clock, watcher.OnRetryDue);
    }

    /// <summary>Whether the watch is registered.</summary>
    public bool IsRegistered
    {
        get
        {
            lock (_lock)
            {
                return _watch is not null;
            }
        }
    }

    /// <summary>Registers the watch. Its first event stands for the first examination.</summary>
    /// <exception cref="XenStoreException">xenstored refused it; <see cref="RetryLater"/> is up to the caller.</exception>
    public ValueTask RegisterAsync(CancellationToken cancellationToken) => RegisterAsync(mayHaveMissed: false, cancellationToken);

    /// <summary>Registers the watch that was refused, or that has ended, and tries again later if it is refused.</summary>
    public async ValueTask RegisterAgainAsync()
    {
        if (IsRegistered)
        {
            return;
        }

        try
        {
            await RegisterAsync(mayHaveMissed: true, _end.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
            _retry.Schedule();
            return;
        }
        catch (OperationCanceledException)
        {
            return;
        }

        _watcher.Report($"{_node}: the bus is watched again");
    }

    /// <summary>Reports a refusal, and has the registration tried again after a pause.</summary>
    public void RetryLater(XenStoreException error)
    {
        _watcher.Report(
            $"{_node}: the bus cannot be watched, so devices that come and go are not noticed, and it is tried again: {error.Message}");
        _retry.Schedule();
    }

    /// <summary>Ends the watch and its retries.</summary>
    public async ValueTask DisposeAsync()
    {
        XenStoreWatch? watch;
        lock (_lock)
        {
            _isDisposed = true;
            watch = _watch;
        }

        _end.Cancel();
        _retry.Dispose();
        if (watch is not null)
        {
            await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async ValueTask RegisterAsync(bool mayHaveMissed, CancellationToken cancellationToken)
    {
        XenStoreWatch watch = await _store.WatchAsync(_node, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_lock)
        {
            if (!_isDisposed)
            {
                _watch = watch;
                _retry.Reset();
                _ = FollowAsync(watch, mayHaveMissed);
                return;
            }
        }

        await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    private async Task FollowAsync(XenStoreWatch watch, bool mayHaveMissed)
    {
        try
        {
            // xenstored sends each new watch an event at once.
            bool isFirst = true;
            while (await watch.WaitToReadAsync().ConfigureAwait(EventLoop.IsCurrent))
            {
                while (watch.TryRead(out XenStoreWatchEvent change))
                {
                    if (isFirst)
                    {
                        isFirst = false;
                        _watcher.OnWatched(mayHaveMissed);
                    }
                    else
                    {
                        _watcher.OnChanged(change);
                    }
                }
            }
        }
        catch (XenStoreException error)
        {
            lock (_lock)
            {
                _watch = null;
            }

            _watcher.Report($"{_node}: the bus is not watched any more: {error.Message}");
            if (_store.HasEnded)
            {
                _watcher.OnStoreClosed(error);
            }
            else
            {
                _retry.Schedule();
            }
        }
    }
}
