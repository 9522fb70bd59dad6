using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Enumeration;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Devices;

/// <summary>
/// Follows the state of a device's other end by a watch on exactly its <c>state</c> node: only such a watch fires when an ancestor is
/// removed or the other domain ends.
/// </summary>
/// <remarks>
/// Xenstored may refuse the watch, since a domain has a quota of them, or end it. Then a timer says when to read the state and to call
/// <see cref="RetryAsync"/>, with growing pauses, until there is a watch. All members may be called by any thread;
/// <see cref="StartAsync"/> and <see cref="RetryAsync"/> one at a time.
/// </remarks>
internal sealed class OtherEndWatch : IAsyncDisposable
{
    private readonly XenStoreClient _store;
    private readonly Action _changed;
    private readonly Action _retryDue;
    private readonly Action<string> _report;
    private readonly RetryTimer _retry;
    private readonly Lock _lock = new();
    private volatile OtherEnd _otherEnd;
    private XenStoreWatch? _watch;

    // Numbers the registrations, so that one that returns late finds out that it is not wanted any more.
    private int _registrations;
    private bool _isStarted;
    private bool _isDisposed;

    /// <param name="store">Holds the other end. It stays the caller's.</param>
    /// <param name="clock">Measures the pauses.</param>
    /// <param name="otherEnd">Which domain the other end is in, and at which path.</param>
    /// <param name="changed">Called at each event of the watch. It must not wait.</param>
    /// <param name="retryDue">Called when the state is to be read, and the watch to be registered, by a timer. It must not wait.</param>
    /// <param name="report">Receives what an administrator has to know.</param>
    public OtherEndWatch(
        XenStoreClient store, TimeProvider clock, OtherEnd otherEnd, Action changed, Action retryDue, Action<string> report)
    {
        _store = store;
        _otherEnd = otherEnd;
        _changed = changed;
        _retryDue = retryDue;
        _report = report;
        _retry = new(clock, OnRetryDue);
    }

    /// <summary>The other end. A new one is watched from the next <see cref="StartAsync"/> on.</summary>
    public OtherEnd OtherEnd
    {
        get => _otherEnd;
        set => _otherEnd = value;
    }

    /// <summary>Whether there is a watch, so that no change is missed.</summary>
    public bool IsWatching
    {
        get
        {
            lock (_lock)
            {
                return _watch is not null;
            }
        }
    }

    /// <summary>
    /// Registers the watch, in place of one that there may be. The event with which every watch begins is swallowed: the caller reads the
    /// state afterwards. A refusal is reported, and retried by the timer.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait for the first event.</param>
    public async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        // Where an attach returns late for a suspend, the resume finds the watch of the old other end.
        await StopAsync().ConfigureAwait(EventLoop.IsCurrent);
        await RegisterAsync(isRetry: false, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Registers the watch if it was refused or has ended since <see cref="StartAsync"/>.</summary>
    /// <param name="cancellationToken">Ends the wait for the first event.</param>
    public async ValueTask RetryAsync(CancellationToken cancellationToken)
    {
        if (IsMissing)
        {
            await RegisterAsync(isRetry: true, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Ends the watch and the retries, until the next <see cref="StartAsync"/>.</summary>
    public async ValueTask StopAsync()
    {
        XenStoreWatch? watch;
        lock (_lock)
        {
            _isStarted = false;
            _registrations++;
            (watch, _watch) = (_watch, null);
        }

        _retry.Reset();
        if (watch is not null)
        {
            await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Reads the other end's state. One that does not exist, is no state, or may not be read is <see cref="XenBusState.Closed"/>.
    /// </summary>
    /// <exception cref="XenStoreException">Any other error, which says nothing about the state.</exception>
    public async ValueTask<XenBusState> ReadStateAsync()
    {
        try
        {
            return XenBusStates.Parse(await _store.TryReadAsync(_otherEnd.Path + "/state").ConfigureAwait(EventLoop.IsCurrent));
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.EACCES)
        {
            return XenBusState.Closed;
        }
    }

    /// <summary>Ends the watch for good: a registration that is under way, or that is requested later, has no effect.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _isDisposed = true;
        }

        await StopAsync().ConfigureAwait(EventLoop.IsCurrent);
        _retry.Dispose();
    }

    private bool IsMissing
    {
        get
        {
            lock (_lock)
            {
                return _isStarted && _watch is null;
            }
        }
    }

    private async ValueTask RegisterAsync(bool isRetry, CancellationToken cancellationToken)
    {
        int registration;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isStarted = true;
            registration = ++_registrations;
        }

        XenStoreWatch watch;
        try
        {
            // Without the token: what it registers must be known here, to be ended.
            watch = await _store.WatchAsync(_otherEnd.Path + "/state", CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            if (!isRetry)
            {
                _report($"its other end cannot be watched, and is looked at now and then: {error.Message}");
            }

            ScheduleRetry();
            return;
        }

        bool isWanted;
        lock (_lock)
        {
            isWanted = _registrations == registration;
            _watch = isWanted ? watch : _watch;
        }

        if (!isWanted)
        {
            await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            return;
        }

        _retry.Reset();
        try
        {
            if (await watch.WaitToReadAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                watch.TryRead(out _);
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (XenStoreException error)
        {
            OnEnded(watch, error);
            return;
        }

        if (isRetry)
        {
            _report("its other end is watched again");
        }

        _ = FollowAsync(watch);
    }

    private async Task FollowAsync(XenStoreWatch watch)
    {
        try
        {
            while (await watch.WaitToReadAsync().ConfigureAwait(EventLoop.IsCurrent))
            {
                while (watch.TryRead(out _))
                {
                    _changed();
                }
            }
        }
        catch (XenStoreException error)
        {
            OnEnded(watch, error);
        }
    }

    /// <summary>Xenstored, or the connection to it, has ended a watch.</summary>
    private void OnEnded(XenStoreWatch watch, XenStoreException error)
    {
        lock (_lock)
        {
            _watch = _watch == watch ? null : _watch;
        }

        _report($"its other end is not watched any more: {error.Message}");
        ScheduleRetry();
    }

    private void ScheduleRetry()
    {
        if (IsMissing)
        {
            _retry.Schedule();
        }
    }

    private void OnRetryDue()
    {
        if (IsMissing)
        {
            // Whatever becomes of this retry, the next follows until there is a watch.
            _retry.Schedule();
            _retryDue();
        }
    }
}
