using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The device's queue: all calls into its driver are made here, one after another.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Reliability", "CA1001:Types that own disposable fields should be disposable",
    Justification = "The token source has no timer and no wait handle; drivers may hold its token after the device has gone.")]
public sealed partial class XenDevice
{
    // Different paths told one by one; beyond it they become "anything may have changed".
    private const int MaxQueued = 64;

    private readonly WorkQueue<DeviceWork> _queue;
    private readonly CancellationTokenSource _leaving = new();
    private readonly Lock _gate = new();
    private XenDevicePhase _phase;
    private XenBusDriver? _driver;
    private DeviceSession? _session;
    private XenStoreWatch? _otherEndWatch;
    private ITimer? _retry;
    private RetryTimer? _again;

    // What is still to be told after xenstored did not answer. Used on the device's queue only.
    private bool _isOtherEndUntold;
    private bool _isLocalEndUntold;
    private string? _saidTemporary;

    // Set when the driver has failed: whether the state could not be set to Closed either, so that the device looks like a new one. Used
    // on the device's queue only.
    private bool? _isGivenUp;

    /// <summary>How far the bus is with the device.</summary>
    public XenDevicePhase Phase
    {
        get
        {
            lock (_gate)
            {
                return _phase;
            }
        }
    }

    /// <summary>The driver that has the device, or that is taking it on.</summary>
    public XenBusDriver? Driver
    {
        get
        {
            lock (_gate)
            {
                return _driver;
            }
        }
    }

    /// <summary>What serves the device, from a successful attach until it is gone.</summary>
    internal DeviceSession? Session
    {
        get
        {
            lock (_gate)
            {
                return _session;
            }
        }
    }

    /// <summary>Whether a watch follows the other end.</summary>
    internal bool FollowsOtherEnd
    {
        get
        {
            lock (_gate)
            {
                return _otherEndWatch is not null;
            }
        }
    }

    /// <summary>Runs the next piece of the device's work, driver calls among it; <see langword="false"/> when there is none.</summary>
    /// <exception cref="InvalidOperationException">The bus is not <see cref="XenBusOptions.Stepped"/>.</exception>
    public ValueTask<bool> StepAsync() => _queue.StepAsync();

    /// <summary>Offers the device to the drivers, unless one has it.</summary>
    internal void PostAttach() => _queue.Post(new(DeviceWorkKind.Attach), AttachAsync);

    /// <summary>Tells the driver that something at <paramref name="path"/> below the node may have changed.</summary>
    internal void PostLocalEnd(string path)
    {
        // Before it has attached, the events after attach stand for all that happened until then.
        if (Phase != XenDevicePhase.Attached)
        {
            return;
        }

        if (_queue.Count > MaxQueued)
        {
            path = "";
        }

        _queue.Post(new(DeviceWorkKind.NotifyLocalEnd, path), () => LocalEndChangedAsync(path));
        if (!FollowsOtherEnd)
        {
            PostOtherEnd();
        }
    }

    /// <summary>The device is not in the store any more, or another is in its place. Its driver is asked to let it go.</summary>
    internal void Depart(string reason)
    {
        lock (_gate)
        {
            if (_phase is XenDevicePhase.Departing or XenDevicePhase.Gone)
            {
                return;
            }

            _phase = XenDevicePhase.Departing;
        }

        Bus.Report(this, $"{Name}: {reason}");
        CancelCalls();
        Bus.Hold.Release(this);
        EndShutdown(isClosed: true);
        _queue.Post(new(DeviceWorkKind.Detach), DetachAsync);
    }

    /// <summary>The bus ends: nothing is done for the device any more.</summary>
    internal async ValueTask StopAsync()
    {
        lock (_gate)
        {
            _phase = XenDevicePhase.Gone;
            _retry?.Dispose();
            _again?.Dispose();
        }

        CloseQueue();
        CancelCalls();
        await EndOtherEndWatchAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>
    /// Cancels the token of the driver's calls. What a driver has registered with it is driver code, and runs where its calls run.
    /// </summary>
    private void CancelCalls()
    {
        if (Bus.Loop is { } loop && Driver is { NeverBlocks: true })
        {
            // Not in this call: the driver's goes on in it.
            loop.Post(static leaving => ((CancellationTokenSource)leaving!).Cancel(), _leaving);
        }
        else
        {
            _ = _leaving.CancelAsync();
        }
    }

    private void PostOtherEnd() => _queue.Post(new(DeviceWorkKind.NotifyOtherEnd), () => OtherEndChangedAsync(tellAlways: true));

    /// <summary>Has what xenstored did not answer asked again after a pause.</summary>
    private void TryAgainLater()
    {
        lock (_gate)
        {
            if (_phase == XenDevicePhase.Gone)
            {
                return;
            }

            _again ??= new(Time, () => _queue.Post(new(DeviceWorkKind.Retry), TryAgainAsync));
            _again.Schedule();
        }
    }

    private async ValueTask TryAgainAsync()
    {
        if (Phase == XenDevicePhase.Arrived)
        {
            await AttachAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        else if (_awaitsResume)
        {
            await TellOfResumeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        else
        {
            if (_isLocalEndUntold)
            {
                await LocalEndChangedAsync("").ConfigureAwait(EventLoop.IsCurrent);
            }

            await OtherEndChangedAsync(tellAlways: false).ConfigureAwait(EventLoop.IsCurrent);
        }

        bool isTold = !_awaitsResume && !_isLocalEndUntold && !_isOtherEndUntold;
        if (isTold && Phase != XenDevicePhase.Arrived && (Phase != XenDevicePhase.Attached || FollowsOtherEnd))
        {
            _again?.Reset();
        }
    }

    private void SayTemporary(string what, XenStoreException error)
    {
        string text = $"{Name}: {what}, and it is tried again: {error.Message}";
        if (text != _saidTemporary)
        {
            _saidTemporary = text;
            Bus.Report(this, text);
        }
    }

    private async ValueTask AttachAsync()
    {
        // A device without driver whose state has been set to another is not on offer until it is set up anew.
        if (_isShutDown || (_state != XenBusState.Initialising && Phase == XenDevicePhase.NoDriver))
        {
            return;
        }

        if (!Advance(XenDevicePhase.Attaching, XenDevicePhase.Arrived, XenDevicePhase.NoDriver))
        {
            return;
        }

        try
        {
            XenBusDriver? driver = await FindDriverAsync().ConfigureAwait(EventLoop.IsCurrent);
            lock (_gate)
            {
                _driver = driver;
            }

            if (driver is null)
            {
                if (Advance(XenDevicePhase.NoDriver, XenDevicePhase.Attaching))
                {
                    Bus.Emit(XenBusEventKind.NoDriver, this, $"{Name}: no driver");
                    Bus.Hold.Release(this);
                }

                return;
            }

            UseSession(await CallAsync(driver, nameof(XenBusDriver.AttachAsync), () => driver.AttachAsync(this, _leaving.Token))
                .ConfigureAwait(EventLoop.IsCurrent));
        }
        catch (XenStoreException error) when (error.IsTemporary && Advance(XenDevicePhase.Arrived, XenDevicePhase.Attaching))
        {
            SayTemporary($"driver {Driver?.Name} cannot attach", error);
            TryAgainLater();
            return;
        }
        catch (Exception error)
        {
            await FailAsync("cannot be attached", error).ConfigureAwait(EventLoop.IsCurrent);
            return;
        }

        if (Advance(XenDevicePhase.Attached, XenDevicePhase.Attaching))
        {
            Bus.Emit(XenBusEventKind.Attached, this, $"{Name}: driver {Driver!.Name}");
            await FollowEndsAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private void UseSession(DeviceSession session)
    {
        lock (_gate)
        {
            _session = session;
        }
    }

    private async ValueTask FollowEndsAsync()
    {
        await WatchOtherEndAsync().ConfigureAwait(EventLoop.IsCurrent);
        // Each end is told of once, whether or not a watch of its own says something: what changed before is seen now.
        PostOtherEnd();
        PostLocalEnd("");
    }

    private async ValueTask<XenBusDriver?> FindDriverAsync()
    {
        XenBusDriver? best = null;
        int bestPriority = 0;
        foreach (XenBusDriver driver in Bus.Drivers)
        {
            int? priority;
            try
            {
                priority = await CallAsync(driver, nameof(XenBusDriver.Probe), () => new ValueTask<int?>(driver.Probe(this)))
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (Exception error)
            {
                Bus.Report(this, $"{Name}: {nameof(XenBusDriver.Probe)} of driver {driver.Name} failed, which is no fit: {error.Message}");
                continue;
            }

            if (priority <= 0 && (best is null || priority > bestPriority))
            {
                (best, bestPriority) = (driver, priority.Value);
            }
        }

        return best;
    }

    /// <param name="again">Whether it was refused before, which is not said twice.</param>
    private async ValueTask WatchOtherEndAsync(bool again = false)
    {
        // One that attached late for a suspend may have one already.
        await EndOtherEndWatchAsync().ConfigureAwait(EventLoop.IsCurrent);
        XenStoreWatch watch;
        try
        {
            watch = await Store.WatchAsync(OtherEndPath + "/state").ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            if (!again)
            {
                Bus.Report(this, $"{Name}: its other end cannot be watched, and is looked at now and then: {error.Message}");
            }

            TryAgainLater();
            return;
        }

        bool wanted;
        lock (_gate)
        {
            wanted = _phase == XenDevicePhase.Attached;
            _otherEndWatch = wanted ? watch : null;
        }

        if (!wanted)
        {
            await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            return;
        }

        try
        {
            // The event that every watch begins with is told by the caller.
            if (await watch.WaitToReadAsync(_leaving.Token).ConfigureAwait(EventLoop.IsCurrent))
            {
                watch.TryRead(out _);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or XenStoreException)
        {
            return;
        }

        if (again)
        {
            Bus.Report(this, $"{Name}: its other end is watched again");
        }

        _ = FollowOtherEndAsync(watch);
    }

    private async Task FollowOtherEndAsync(XenStoreWatch watch)
    {
        try
        {
            while (await watch.WaitToReadAsync().ConfigureAwait(EventLoop.IsCurrent))
            {
                while (watch.TryRead(out _))
                {
                    PostOtherEnd();
                }
            }
        }
        catch (XenStoreException error)
        {
            lock (_gate)
            {
                _otherEndWatch = _otherEndWatch == watch ? null : _otherEndWatch;
            }

            Bus.Report(this, $"{Name}: its other end is not watched any more: {error.Message}");
            TryAgainLater();
        }
    }

    /// <param name="tellAlways">Whether the driver is told of a state that it was told of before.</param>
    private async ValueTask OtherEndChangedAsync(bool tellAlways)
    {
        if (Phase != XenDevicePhase.Attached || _awaitsResume)
        {
            return;
        }

        if (!FollowsOtherEnd && _otherEndState != XenBusState.Unknown)
        {
            // A watch may have come free.
            await WatchOtherEndAsync(again: true).ConfigureAwait(EventLoop.IsCurrent);
        }

        if (_isShutDown)
        {
            await CloseEndsAsync().ConfigureAwait(EventLoop.IsCurrent);
            return;
        }

        _isOtherEndUntold |= tellAlways;
        XenBusState state;
        try
        {
            state = await ReadOtherEndStateAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            _isOtherEndUntold = true;
            SayTemporary("its other end cannot be looked at", error);
            TryAgainLater();
            return;
        }

        XenBusState before = _otherEndState;
        NoteOtherEnd(state);
        if (before == state && !_isOtherEndUntold)
        {
            return;
        }

        _isOtherEndUntold = true;
        bool isTold = await TellAsync(
            nameof(DeviceSession.OtherEndChangedAsync), session => session.OtherEndChangedAsync(state, _leaving.Token))
                .ConfigureAwait(EventLoop.IsCurrent);
        if (isTold && await FollowUpAsync(() => Bus.AfterOtherEndChangedAsync(this, state)).ConfigureAwait(EventLoop.IsCurrent))
        {
            _isOtherEndUntold = false;
        }
    }

    private XenBusState NoteOtherEnd(XenBusState state)
    {
        XenBusState before = _otherEndState;
        _otherEndState = state;
        if (before != state)
        {
            Bus.Emit(XenBusEventKind.OtherEndStateChanged, this, $"{Name}: other end {before} -> {state}");
        }

        return state;
    }

    /// <summary>
    /// What the bus does of its own after a driver was told; <see langword="false"/> when it is to be done again, with the telling.
    /// </summary>
    private async ValueTask<bool> FollowUpAsync(Func<ValueTask> work)
    {
        if (Phase != XenDevicePhase.Attached)
        {
            return true;
        }

        try
        {
            await work().ConfigureAwait(EventLoop.IsCurrent);
            return true;
        }
        catch (XenStoreException error) when (error.IsTemporary)
        {
            SayTemporary("the bus cannot do its part", error);
            TryAgainLater();
            return false;
        }
        catch (XenStoreException error)
        {
            // Not the driver's fault, so its device goes on.
            Bus.Report(this, $"{Name}: the bus cannot do its part: {error.Message}");
            return true;
        }
    }

    /// <summary>
    /// The other end's state; one that does not exist, or that we may not read, is Closed. Any other error says nothing of it.
    /// </summary>
    internal async ValueTask<XenBusState> ReadOtherEndStateAsync()
    {
        try
        {
            return XenBusStates.Parse(await Store.TryReadAsync(OtherEndPath + "/state").ConfigureAwait(EventLoop.IsCurrent));
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.EACCES)
        {
            return XenBusState.Closed;
        }
    }

    private async ValueTask LocalEndChangedAsync(string path)
    {
        if (_awaitsResume)
        {
            return;
        }

        bool isAgain = _isLocalEndUntold;
        _isLocalEndUntold = true;
        bool isTold = await TellAsync(
            nameof(DeviceSession.LocalEndChangedAsync), session => session.LocalEndChangedAsync(path, _leaving.Token))
                .ConfigureAwait(EventLoop.IsCurrent);
        if (isTold && await FollowUpAsync(() => Bus.AfterLocalEndChangedAsync(this, path)).ConfigureAwait(EventLoop.IsCurrent))
        {
            // Another path's telling does not stand for the one that failed.
            _isLocalEndUntold = isAgain && path.Length > 0;
        }
    }

    /// <summary>
    /// Calls the driver; <see langword="false"/> when xenstored did not answer it, and the call is to be made again. That it failed is
    /// not.
    /// </summary>
    private async ValueTask<bool> TellAsync(string call, Func<DeviceSession, ValueTask> tell)
    {
        if (Phase != XenDevicePhase.Attached || _isShutDown || Driver is not { } driver || Session is not { } session)
        {
            return true;
        }

        try
        {
            await ResolveStateAsync().ConfigureAwait(EventLoop.IsCurrent);
            await CallAsync(driver, call, async () =>
            {
                await tell(session).ConfigureAwait(EventLoop.IsCurrent);
                return true;
            }).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error) when (error.IsTemporary)
        {
            SayTemporary($"driver {driver.Name} cannot do {call}", error);
            TryAgainLater();
            return false;
        }
        catch (Exception error)
        {
            await FailAsync($"failed in {call}", error).ConfigureAwait(EventLoop.IsCurrent);
        }

        return true;
    }

    /// <summary>The driver has thrown: the device is closed and forgotten until the tool stack sets it up anew.</summary>
    private async ValueTask FailAsync(string what, Exception error)
    {
        lock (_gate)
        {
            if (_phase is XenDevicePhase.Departing or XenDevicePhase.Gone)
            {
                // It went away, which is what the driver stumbled over; the detach that is queued does the rest.
                return;
            }

            _phase = XenDevicePhase.Departing;
        }

        await EndOtherEndWatchAsync().ConfigureAwait(EventLoop.IsCurrent);
        await WriteErrorAsync($"driver {Driver?.Name ?? "probing"} {what}", error).ConfigureAwait(EventLoop.IsCurrent);
        bool closed;
        using (await EnterStateAsync().ConfigureAwait(EventLoop.IsCurrent))
        {
            closed = await TryWriteStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
        }

        CancelCalls();
        _isGivenUp = !closed;
        await LetGoAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask DetachAsync()
    {
        if (Phase != XenDevicePhase.Departing)
        {
            return;
        }

        await EndOtherEndWatchAsync().ConfigureAwait(EventLoop.IsCurrent);
        await LetGoAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Detaches the driver, if it has attached, and forgets the device unless the driver is busy.</summary>
    private async ValueTask LetGoAsync()
    {
        if (Driver is { } driver && Session is { } session)
        {
            try
            {
                if (!await CallAsync(driver, nameof(DeviceSession.DetachAsync), session.DetachAsync).ConfigureAwait(EventLoop.IsCurrent))
                {
                    Bus.Report(this, $"{Name}: driver {driver.Name} is busy, and is asked again");
                    AskAgain();
                    return;
                }
            }
            catch (Exception error)
            {
                string again = _isGivenUp is null ? "" : " as well";
                Bus.Report(this, $"{Name}: {nameof(DeviceSession.DetachAsync)} of driver {driver.Name} failed{again}: {error.Message}");
            }
        }

        if (_isGivenUp is { } isGivenUp)
        {
            Finish(XenBusEventKind.Failed, $"{Name}: given up", isGivenUp);
        }
        else
        {
            Finish(XenBusEventKind.Departed, $"{Name}: departed", givenUp: false);
        }
    }

    private void AskAgain()
    {
        lock (_gate)
        {
            _retry?.Dispose();
            if (_phase == XenDevicePhase.Departing)
            {
                _retry = Time.CreateTimer(
                    _ => _queue.Post(new(DeviceWorkKind.Detach), DetachAsync),
                    null,
                    Bus.Options.DetachRetryInterval,
                    Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Finish(XenBusEventKind kind, string text, bool givenUp)
    {
        lock (_gate)
        {
            _phase = XenDevicePhase.Gone;
            _driver = null;
            _session = null;
            _retry?.Dispose();
            _again?.Dispose();
        }

        CloseQueue();
        Bus.Emit(kind, this, text);
        Bus.Hold.Release(this);
        Bus.PostForget(this, givenUp);
    }

    private void CloseQueue()
    {
        _queue.Close();
        lock (_gate)
        {
            // Whatever waits for the device to come to rest, or to be closed: it has, and is.
            _suspending?.TrySetResult(true);
            _shutdown?.TrySetResult(true);
        }
    }

    private async ValueTask EndOtherEndWatchAsync()
    {
        XenStoreWatch? watch;
        lock (_gate)
        {
            (watch, _otherEndWatch) = (_otherEndWatch, null);
        }

        if (watch is not null)
        {
            await watch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private bool Advance(XenDevicePhase to, params ReadOnlySpan<XenDevicePhase> from)
    {
        lock (_gate)
        {
            if (!from.Contains(_phase))
            {
                return false;
            }

            _phase = to;
            return true;
        }
    }

    /// <summary>
    /// Calls driver code, and reports it when it does not return. It is called by the thread pool, where one that blocks its thread holds
    /// up its own device only; by the bus's loop where the driver says that it never does.
    /// </summary>
    private async ValueTask<T> CallAsync<T>(XenBusDriver driver, string call, Func<ValueTask<T>> work)
    {
        TimeSpan limit = Bus.Options.DriverTimeLimit;
        ITimer watchdog = Time.CreateTimer(
            _ => Bus.Report(this, FormattableString.Invariant(
                $"{Name}: driver {driver.Name} has not returned from {call} for {limit.TotalSeconds:0.###} s")),
            null, limit, Timeout.InfiniteTimeSpan);
        await using (watchdog.ConfigureAwait(EventLoop.IsCurrent))
        {
            return EventLoop.IsCurrent && !driver.NeverBlocks
                ? await Task.Run(() => work().AsTask()).ConfigureAwait(true)
                : await work().ConfigureAwait(EventLoop.IsCurrent);
        }
    }
}
