using System.Globalization;
using Xenlet.Drivers;
using Xenlet.Drivers.Block;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Block;

/// <summary>
/// Serves the ring of one connection: takes requests, as many as the limits allow, has them carried out side by side, and puts the
/// responses as they come.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "StopAsync disposes of it.")]
internal sealed class BlockServer(
    BackRing<BlockRequest, BlockResponse> ring,
    BlockTransfer transfer,
    IEventChannel channel,
    BackEndLimits limits,
    Action<IEventChannel> reportSpurious)
{
    /// <summary>Segments in an indirect request, which one page lists: 256 KiB.</summary>
    public const int MaximumSegments = 64;

    /// <summary>Requests of a turn, after which other front ends have theirs.</summary>
    private const int TurnRequests = 32;

    /// <summary>Bytes after which a turn begins no further request.</summary>
    private const int TurnBytes = 128 << 10;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The numbers of requests that are under way, in the order in which they were taken.</summary>
    private readonly SortedSet<long> _underWay = [];

    /// <summary>Who waits until all requests below a number are done.</summary>
    private readonly List<(long End, TaskCompletionSource Done)> _drains = [];

    private Task _running = Task.CompletedTask;
    private Action<Exception>? _onFailed;
    private bool _isEnding;
    private bool _isTaking;
    private bool _hasTaken;
    private long _begun;
    private long _bytes;
    private long _served;
    private long _refused;

    /// <summary>Whether requests stay in the ring until others are done.</summary>
    private bool IsFull => _underWay.Count >= limits.Requests || (_underWay.Count > 0 && _bytes >= limits.Bytes);

    /// <summary>Serves until <see cref="StopAsync"/>.</summary>
    /// <param name="onFailed">Called once if the front end breaks the protocol of the ring, after which nothing is served.</param>
    public void Start(Action<Exception> onFailed)
    {
        _onFailed = onFailed;
        _running = EventLoop.Start(EventLoop.Current, async () =>
        {
            try
            {
                await RunAsync().ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (Exception error)
            {
                Fail(error);
            }
        });
    }

    /// <summary>Takes no more requests, and waits until those under way are done. Then nothing uses the front end's pages.</summary>
    public async Task StopAsync()
    {
        lock (_lock)
        {
            _isEnding = true;
            CompleteWaits();
        }

        _ending.Cancel();
        await EventLoop.OnLoop(_running).ConfigureAwait(EventLoop.IsCurrent);
        await EventLoop.OnLoop(_idle.Task).ConfigureAwait(EventLoop.IsCurrent);
        _ending.Dispose();
    }

    /// <summary>
    /// Waits until the requests that are in the ring or under way now are done, or will not be begun any more. Others may come meanwhile.
    /// </summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            lock (_lock)
            {
                // The ring of a connection that ends may be unmapped by now.
                _drains.Add((_begun + (_isEnding ? 0 : ring.CountWaiting()), done));
                CompleteWaits();
            }

            // A front end may have put requests without an event.
            while (!done.Task.IsCompleted && !TakeTurn())
            {
                await Task.Yield();
            }
        }
        catch (BrokenRingException error)
        {
            Fail(error);
        }

        lock (_lock)
        {
            if (!_drains.Exists(drain => drain.Done == done))
            {
                return;
            }
        }

        await EventLoop.OnLoop(done.Task.WaitAsync(cancellationToken)).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>A line for an administrator.</summary>
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Interlocked.Read(ref _served)} requests served, {Interlocked.Read(ref _refused)} with an error, {_underWay.Count} under way");

    private async Task RunAsync()
    {
        while (true)
        {
            while (!TakeTurn())
            {
                await Task.Yield();
            }

            if (_isEnding)
            {
                return;
            }

            if (!_hasTaken)
            {
                reportSpurious(channel);
            }

            _hasTaken = false;
            try
            {
                await channel.WaitAsync(_ending.Token).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (Exception error) when (_isEnding && error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    /// <summary>
    /// Starts requests while there are any and the limits allow, as many as a turn has: a front end that refills its ring as fast as it is
    /// emptied would otherwise be the only one. Full, it is called again when a request is done.
    /// </summary>
    /// <returns>Whether there is nothing to do now but to wait; if not, the caller lets others go first and calls again.</returns>
    /// <exception cref="BrokenRingException">The front end has broken the protocol of the ring.</exception>
    private bool TakeTurn()
    {
        lock (_lock)
        {
            // What completes at once is published together, below.
            _isTaking = true;
            try
            {
                int bytes = 0;
                for (int i = 0; i < TurnRequests && bytes < TurnBytes && !_isEnding && !IsFull; i++)
                {
                    if (!ring.TryTake(out BlockRequest request))
                    {
                        break;
                    }

                    _hasTaken = true;
                    bytes += BlockTransfer.SizeOf(request);
                    Begin(request);
                }

                _hasTaken |= IsFull;
                return _isEnding || IsFull || !ring.FinalCheck();
            }
            finally
            {
                _isTaking = false;
                Publish();
            }
        }
    }

    private void Begin(BlockRequest request)
    {
        long number = _begun++;
        if (transfer.TryRunNow(in request))
        {
            Respond(in request, BlockStatus.Okay);
            return;
        }

        _underWay.Add(number);
        _bytes += BlockTransfer.SizeOf(request);
        Task<BlockStatus> work = transfer.RunAsync(request);
        if (work.IsCompleted)
        {
            Finish(number, request, work.Result);
        }
        else
        {
            _ = FinishAsync(number, request, work);
        }
    }

    private async Task FinishAsync(long number, BlockRequest request, Task<BlockStatus> work)
    {
        BlockStatus status = await work.ConfigureAwait(EventLoop.IsCurrent);
        bool wasFull;
        lock (_lock)
        {
            wasFull = IsFull;
            Finish(number, request, status);
        }

        try
        {
            // The loop waits for an event, which need not come for requests that are in the ring already.
            while (wasFull && !TakeTurn())
            {
                await Task.Yield();
            }
        }
        catch (BrokenRingException error)
        {
            Fail(error);
        }
    }

    private void Fail(Exception error)
    {
        if (Interlocked.Exchange(ref _onFailed, null) is { } onFailed)
        {
            // Not from here: who is told waits for this to end.
            _ = EventLoop.Start(EventLoop.Current, () =>
            {
                onFailed(error);
                return Task.CompletedTask;
            });
        }
    }

    private void Finish(long number, in BlockRequest request, BlockStatus status)
    {
        _underWay.Remove(number);
        _bytes -= BlockTransfer.SizeOf(request);
        Respond(in request, status);
    }

    private void Respond(in BlockRequest request, BlockStatus status)
    {
        ring.Put(new BlockResponse { Id = request.Id, Kind = BlockTransfer.KindOf(request), Status = status });
        _served++;
        _refused += status == BlockStatus.Okay ? 0 : 1;
        if (!_isTaking)
        {
            Publish();
        }

        CompleteWaits();
    }

    private void CompleteWaits()
    {
        if (_isEnding && _underWay.Count == 0)
        {
            _idle.TrySetResult();
        }

        for (int i = _drains.Count - 1; i >= 0; i--)
        {
            (long end, TaskCompletionSource done) = _drains[i];
            if ((_begun >= end || _isEnding) && (_underWay.Count == 0 || _underWay.Min >= end))
            {
                done.TrySetResult();
                _drains.RemoveAt(i);
            }
        }
    }

    private void Publish()
    {
        if (ring.Publish())
        {
            channel.Notify();
        }
    }
}
