using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The device's queue, on which all calls into its driver are made, one after another.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Reliability", "CA1001:Types that own disposable fields should be disposable",
    Justification = "The token source has no timer and no wait handle; drivers may hold its token after the device has gone.")]
public sealed partial class XenDevice
{
    // Changes of different paths that wait; beyond them they become one that means "anything may have changed".
    private const int MaxQueued = 64;

    private readonly WorkQueue<DeviceWork> _queue;
    private readonly CancellationTokenSource _leaving = new();
    private readonly Lock _lock = new();
    private readonly OtherEndWatch _otherEndWatch;
    private XenDevicePhase _phase;
    private XenBusDriver? _driver;
    private DeviceSession? _session;
    private ITimer? _detachTimer;
    private ITimer? _removalTimer;
    private ITimer? _callTimer;
    private RetryTimer? _retry;

    // Calls that are to be repeated, since xenstored did not answer. Used on the device's queue only.
    private bool _isOtherEndPending;
    private bool _isLocalEndPending;
    private string? _reportedTemporary;

    // Set when the driver has failed: whether the state could not be set to Closed either, so that the device looks like a new one. Used
    // on the device's queue only.
    private bool? _isGivenUp;

    /// <summary>How far the bus is with the device.</summary>
    public XenDevicePhase Phase
    {
        get
        {
            lock (_lock)
            {
                return _phase;
            }
        }
    }

    /// <summary>The driver that serves the device, or is attaching to it.</summary>
    public XenBusDriver? Driver
    {
        get
        {
            lock (_lock)
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
            lock (_lock)
            {
                return _session;
            }
        }
    }

    /// <summary>Whether a watch follows the other end.</summary>
    internal bool FollowsOtherEnd => _otherEndWatch.IsWatching;

    /// <summary>
    /// Runs the next piece of the device's work, such as a call into its driver; <see langword="false"/> when there is none.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus is not <see cref="XenBusOptions.Stepped"/>.</exception>
    public ValueTask<bool> StepAsync() => _queue.StepAsync();

    /// <summary>
    /// Has the bus call <see cref="DeviceSession.OtherEndChangedAsync"/> once more, whether or not the other end changes. A driver asks for
    /// it, from any thread, when something of its own has to be done in a call of the bus, which repeats it after temporary errors.
    /// </summary>
    /// <param name="pause">The time until then. Only the last pause that was asked for counts.</param>
    public void CallAgain(TimeSpan pause = default)
    {
        lock (_lock)
        {
            _callTimer?.Dispose();
            _callTimer = null;
            if (_phase == XenDevicePhase.Gone)
            {
                return;
            }

            if (pause > TimeSpan.Zero)
            {
                _callTimer = Time.CreateTimer(_ => PostOtherEnd(), null, pause, Timeout.InfiniteTimeSpan);
                return;
            }
        }

        PostOtherEnd();
    }

    /// <summary>Offers the device to the drivers, unless one serves it.</summary>
    internal void PostAttach() => _queue.Post(new(DeviceWorkKind.Attach), AttachAsync);

    /// <summary>Calls the driver because something at <paramref name="path"/> below the node may have changed.</summary>
    internal void PostLocalEnd(string path)
    {
        // The calls that follow an attach stand for all changes before it.
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

    /// <summary>The device is not in the store any more, or another one is in its place. Its driver is detached.</summary>
    internal void Depart(string reason)
    {
        lock (_lock)
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

    /// <summary>Has the bus remove the device's directory after a pause, if it may still do so then.</summary>
    internal void RemoveLater()
    {
        lock (_lock)
        {
            if (_phase == XenDevicePhase.Attached)
            {
                _removalTimer?.Dispose();
                _removalTimer = Time.CreateTimer(
                    _ => _queue.Post(new(DeviceWorkKind.Remove), RemoveAsync),
                    null,
                    Bus.Options.RemovalDelay,
                    Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>The bus ends: nothing is done for the device any more.</summary>
    internal async ValueTask StopAsync()
    {
        lock (_lock)
        {
            _phase = XenDevicePhase.Gone;
            _detachTimer?.Dispose();
            _removalTimer?.Dispose();
            _callTimer?.Dispose();
            _retry?.Dispose();
        }

        CloseQueue();
        CancelCalls();
        await _otherEndWatch.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Reads the other end's state; see <see cref="OtherEndWatch.ReadStateAsync"/>.</summary>
    internal ValueTask<XenBusState> ReadOtherEndStateAsync() => _otherEndWatch.ReadStateAsync();

    /// <summary>
    /// Cancels the token of the driver's calls. What a driver has registered with it is driver code, and runs where its calls run.
    /// </summary>
    private void CancelCalls()
    {
        if (Bus.Loop is { } loop && Driver is { NeverBlocks: true })
        {
            // Not here: this may be called by the driver, which would find its own code running within its call.
            loop.Post(static leaving => ((CancellationTokenSource)leaving!).Cancel(), _leaving);
        }
        else
        {
            _ = _leaving.CancelAsync();
        }
    }

    private void PostOtherEnd() => _queue.Post(new(DeviceWorkKind.NotifyOtherEnd), () => OtherEndChangedAsync(always: true));

    private void PostRetry() => _queue.Post(new(DeviceWorkKind.Retry), RetryAsync);

    /// <summary>Repeats, after a pause, what xenstored did not answer.</summary>
    private void RetryLater()
    {
        lock (_lock)
        {
            if (_phase == XenDevicePhase.Gone)
            {
                return;
            }

            _retry ??= new(Time, PostRetry);
            _retry.Schedule();
        }
    }

    private async ValueTask RetryAsync()
    {
        if (Phase == XenDevicePhase.Arrived)
        {
            await AttachAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        else if (_awaitsResume)
        {
            await ResumeSessionAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        else
        {
            if (_isLocalEndPending)
            {
                await LocalEndChangedAsync("").ConfigureAwait(EventLoop.IsCurrent);
            }

            await OtherEndChangedAsync(always: false).ConfigureAwait(EventLoop.IsCurrent);
        }

        if (!_awaitsResume && !_isLocalEndPending && !_isOtherEndPending && Phase != XenDevicePhase.Arrived)
        {
            _retry?.Reset();
        }
    }

    /// <summary>Reports an error that is retried, unless it was the last one reported.</summary>
    private void ReportTemporary(string what, XenStoreException error)
    {
        string text = $"{Name}: {what}, and it is tried again: {error.Message}";
        if (text != _reportedTemporary)
        {
            _reportedTemporary = text;
            Bus.Report(this, text);
        }
    }

    private async ValueTask AttachAsync()
    {
        // A device without driver whose state is not Initialising any more is not offered until the tool stack sets it up anew.
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
            lock (_lock)
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

            await Bus.BeforeAttachAsync(_leaving.Token).ConfigureAwait(EventLoop.IsCurrent);
            UseSession(await CallAsync(driver, nameof(XenBusDriver.AttachAsync), () => driver.AttachAsync(this, _leaving.Token))
                .ConfigureAwait(EventLoop.IsCurrent));
        }
        catch (XenStoreException error) when (error.IsTemporary && Advance(XenDevicePhase.Arrived, XenDevicePhase.Attaching))
        {
            ReportTemporary($"driver {Driver?.Name} cannot attach", error);
            RetryLater();
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
        lock (_lock)
        {
            _session = session;
        }
    }

    private async ValueTask FollowEndsAsync()
    {
        await _otherEndWatch.StartAsync(_leaving.Token).ConfigureAwait(EventLoop.IsCurrent);

        // One call for each end, for all changes until now: a watch may not fire for those.
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

    /// <param name="always">Whether the driver is called even if the state is the one of the last call.</param>
    private async ValueTask OtherEndChangedAsync(bool always)
    {
        if (Phase != XenDevicePhase.Attached || _awaitsResume)
        {
            return;
        }

        if (_otherEndState != XenBusState.Unknown)
        {
            // A watch that was refused: the quota may have room by now.
            await _otherEndWatch.RetryAsync(_leaving.Token).ConfigureAwait(EventLoop.IsCurrent);
        }

        if (_isShutDown)
        {
            await CloseEndsAsync().ConfigureAwait(EventLoop.IsCurrent);
            return;
        }

        _isOtherEndPending |= always;
        XenBusState state;
        try
        {
            state = await ReadOtherEndStateAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            _isOtherEndPending = true;
            ReportTemporary("its other end cannot be looked at", error);
            RetryLater();
            return;
        }

        XenBusState before = _otherEndState;
        NoteOtherEnd(state);
        if (before == state && !_isOtherEndPending)
        {
            return;
        }

        _isOtherEndPending = true;
        bool isDone = await CallSessionAsync(
            nameof(DeviceSession.OtherEndChangedAsync), session => session.OtherEndChangedAsync(state, _leaving.Token))
                .ConfigureAwait(EventLoop.IsCurrent);
        if (isDone && await FollowUpAsync(() => Bus.AfterOtherEndChangedAsync(this, state)).ConfigureAwait(EventLoop.IsCurrent))
        {
            _isOtherEndPending = false;
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

    private async ValueTask RemoveAsync()
    {
        if (!await FollowUpAsync(() => Bus.RemoveAsync(this)).ConfigureAwait(EventLoop.IsCurrent))
        {
            RemoveLater();
        }
    }

    /// <summary>
    /// Does the bus's own part after a call into the driver; <see langword="false"/> when both are to be repeated.
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
            ReportTemporary("the bus cannot do its part", error);
            RetryLater();
            return false;
        }
        catch (XenStoreException error)
        {
            // The driver has not failed, so the device stays.
            Bus.Report(this, $"{Name}: the bus cannot do its part: {error.Message}");
            return true;
        }
    }

    private async ValueTask LocalEndChangedAsync(string path)
    {
        if (_awaitsResume)
        {
            return;
        }

        bool wasPending = _isLocalEndPending;
        _isLocalEndPending = true;
        bool isDone = await CallSessionAsync(
            nameof(DeviceSession.LocalEndChangedAsync), session => session.LocalEndChangedAsync(path, _leaving.Token))
                .ConfigureAwait(EventLoop.IsCurrent);
        if (isDone && await FollowUpAsync(() => Bus.AfterLocalEndChangedAsync(this, path)).ConfigureAwait(EventLoop.IsCurrent))
        {
            // A call for another path does not stand for the one that failed.
            _isLocalEndPending = wasPending && path.Length > 0;
        }
    }

    /// <summary>
    /// Calls the attached driver; <see langword="false"/> when xenstored did not answer it, so that the call is to be repeated. A call that
    /// fails closes the device, and is not repeated.
    /// </summary>
    private async ValueTask<bool> CallSessionAsync(string call, Func<DeviceSession, ValueTask> work)
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
                await work(session).ConfigureAwait(EventLoop.IsCurrent);
                return true;
            }).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error) when (error.IsTemporary)
        {
            ReportTemporary($"driver {driver.Name} cannot do {call}", error);
            RetryLater();
            return false;
        }
        catch (Exception error)
        {
            await FailAsync($"failed in {call}", error).ConfigureAwait(EventLoop.IsCurrent);
        }

        return true;
    }

    /// <summary>The driver has failed: the device is closed, and forgotten until the tool stack sets it up anew.</summary>
    private async ValueTask FailAsync(string what, Exception error)
    {
        lock (_lock)
        {
            if (_phase is XenDevicePhase.Departing or XenDevicePhase.Gone)
            {
                // The driver failed because the device went away; the detach that is queued does the rest.
                return;
            }

            _phase = XenDevicePhase.Departing;
        }

        await _otherEndWatch.StopAsync().ConfigureAwait(EventLoop.IsCurrent);
        await WriteErrorAsync($"driver {Driver?.Name ?? "probing"} {what}", error).ConfigureAwait(EventLoop.IsCurrent);
        bool isClosed;
        using (await EnterStateAsync().ConfigureAwait(EventLoop.IsCurrent))
        {
            isClosed = await TryWriteStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
        }

        CancelCalls();
        _isGivenUp = !isClosed;
        await DetachSessionAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask DetachAsync()
    {
        if (Phase != XenDevicePhase.Departing)
        {
            return;
        }

        await _otherEndWatch.StopAsync().ConfigureAwait(EventLoop.IsCurrent);
        await DetachSessionAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Detaches the driver, if it has attached, and forgets the device unless the driver is busy.</summary>
    private async ValueTask DetachSessionAsync()
    {
        if (Driver is { } driver && Session is { } session)
        {
            try
            {
                if (!await CallAsync(driver, nameof(DeviceSession.DetachAsync), session.DetachAsync).ConfigureAwait(EventLoop.IsCurrent))
                {
                    Bus.Report(this, $"{Name}: driver {driver.Name} is busy, and is asked again");
                    ScheduleDetach();
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
            Finish(XenBusEventKind.Departed, $"{Name}: departed", isGivenUp: false);
        }
    }

    private void ScheduleDetach()
    {
        lock (_lock)
        {
            _detachTimer?.Dispose();
            if (_phase == XenDevicePhase.Departing)
            {
                _detachTimer = Time.CreateTimer(
                    _ => _queue.Post(new(DeviceWorkKind.Detach), DetachAsync),
                    null,
                    Bus.Options.DetachRetryInterval,
                    Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Finish(XenBusEventKind kind, string text, bool isGivenUp)
    {
        lock (_lock)
        {
            _phase = XenDevicePhase.Gone;
            _driver = null;
            _session = null;
            _detachTimer?.Dispose();
            _removalTimer?.Dispose();
            _callTimer?.Dispose();
            _retry?.Dispose();
        }

        CloseQueue();
        Bus.Emit(kind, this, text);
        Bus.Hold.Release(this);
        Bus.PostForget(this, isGivenUp);
    }

    private void CloseQueue()
    {
        _queue.Close();
        lock (_lock)
        {
            // A suspend or the domain's end need not wait for the device any more.
            _suspending?.TrySetResult(true);
            _shutdown?.TrySetResult(true);
        }
    }

    private bool Advance(XenDevicePhase to, params ReadOnlySpan<XenDevicePhase> from)
    {
        lock (_lock)
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
    /// Calls driver code, and reports a call that does not return in time. The thread pool makes the call, so that a driver that blocks its
    /// thread stops its own device only; the bus's loop makes it where the driver promises not to block.
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
