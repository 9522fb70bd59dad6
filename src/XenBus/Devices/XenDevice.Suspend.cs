using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenBus.Enumeration;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The device's part of suspend and resume.</summary>
public sealed partial class XenDevice
{
    private TaskCompletionSource<bool>? _suspending;
    private bool _hasToldOfSuspend;
    private bool _awaitsExamination;
    private bool _awaitsResume;
    private Exception? _suspendFailure;

    /// <summary>Whether it is not known what has become of the device in a suspend. Its queue stands still until it is.</summary>
    internal bool AwaitsExamination
    {
        get
        {
            lock (_gate)
            {
                return _awaitsExamination;
            }
        }
    }

    /// <summary>
    /// Brings the device to rest behind the work that waits: its driver is told, and then its queue stands still.
    /// <see langword="false"/> when the driver refused; then the queue goes on.
    /// </summary>
    internal Task<bool> SuspendAsync()
    {
        TaskCompletionSource<bool> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _suspending = answer;
            _hasToldOfSuspend = false;
        }

        if (!_queue.Post(new(DeviceWorkKind.Suspend), () => TellOfSuspendAsync(answer)))
        {
            // The queue is closed: the device is gone.
            answer.TrySetResult(true);
        }

        return answer.Task;
    }

    /// <summary>
    /// Lets the suspend go on though the driver has not returned from some call: nothing follows that call until the resume.
    /// </summary>
    internal void HoldForSuspend() => _queue.Hold();

    /// <summary>The suspend was cancelled, or refused by another driver.</summary>
    internal void CancelSuspend()
    {
        bool told = EndSuspend();
        if (AwaitsExamination)
        {
            return;
        }

        if (TakeSuspendFailure() is { } failure)
        {
            _queue.Release((
                new(DeviceWorkKind.FailSuspend),
                () => FailAsync($"failed in {nameof(XenBusDriver.SuspendAsync)}", failure, attached: true)));
        }
        else
        {
            _queue.Release(told ? (new(DeviceWorkKind.CancelSuspend), TellOfCancelledSuspendAsync) : null);
        }
    }

    /// <summary>The device stays as it is until it has been examined; <see langword="false"/> when that was so already.</summary>
    internal bool AwaitExamination()
    {
        lock (_gate)
        {
            bool before = _awaitsExamination;
            _awaitsExamination = true;
            return !before;
        }
    }

    /// <summary>
    /// Looks at the device after a suspend, without its driver, while its queue stands still: where is its other end now? The
    /// result says what <see cref="Resume"/> has to do.
    /// </summary>
    internal async Task<ResumeFinding> ExamineAsync()
    {
        try
        {
            if (Phase is XenDevicePhase.Departing or XenDevicePhase.Gone)
            {
                return new(null, null);
            }

            // The order is the seed's: the old other end is not listened to while the new one is looked for.
            await EndOtherEndWatchAsync().ConfigureAwait(EventLoop.IsCurrent);
            if (!await ResetStateAsync().ConfigureAwait(EventLoop.IsCurrent))
            {
                return new("has left the store while the domain was suspended", null);
            }

            (OtherEnd? otherEnd, string problem) = await Bus.OtherEnds.ReadAsync(Node).ConfigureAwait(EventLoop.IsCurrent);
            if (otherEnd is null)
            {
                return new(problem, null);
            }

            _otherEnd = otherEnd;
            _otherEndState = XenBusState.Unknown;
            return new(null, null);
        }
        catch (Exception error)
        {
            return new(null, error);
        }
    }

    /// <summary>Lets the device go on after a suspend.</summary>
    internal void Resume(ResumeFinding finding)
    {
        EndSuspend();
        lock (_gate)
        {
            _awaitsExamination = false;
        }

        Exception? suspendFailure = TakeSuspendFailure();
        if (finding.Departed is { } reason)
        {
            Depart(reason);
            _queue.Release();
        }
        else if (finding.Error is { } unknown && Phase is (XenDevicePhase.Arrived or XenDevicePhase.NoDriver))
        {
            Bus.Report(this, $"{Name}: cannot be looked at, and stays what it was: {unknown.Message}");
            _queue.Release();
        }
        else if (finding.Error is null && suspendFailure is not null)
        {
            // Nobody knows what the driver has left; its connection is over in any case.
            Depart($"is taken on anew, since driver {Driver?.Name} failed in {nameof(XenBusDriver.SuspendAsync)}");
            _queue.Release();
        }
        else
        {
            _queue.Withdraw(new(DeviceWorkKind.CancelSuspend));
            _queue.Release((new(DeviceWorkKind.Resume), finding.Error is { } error
                ? () => FailAsync("cannot be resumed", error, attached: Phase == XenDevicePhase.Attached)
                : TellOfResumeAsync));
        }
    }

    /// <summary>Ends the suspend for this device; whether its driver was told of it.</summary>
    private bool EndSuspend()
    {
        _queue.Withdraw(new(DeviceWorkKind.Suspend));
        lock (_gate)
        {
            _suspending = null;
            return _hasToldOfSuspend;
        }
    }

    private Exception? TakeSuspendFailure()
    {
        lock (_gate)
        {
            (Exception? failure, _suspendFailure) = (_suspendFailure, null);
            return failure;
        }
    }

    private async ValueTask TellOfSuspendAsync(TaskCompletionSource<bool> answer)
    {
        bool agreed = true;
        try
        {
            if (Phase is (XenDevicePhase.Attached or XenDevicePhase.Departing) && !_isShutDown && Driver is { } driver)
            {
                lock (_gate)
                {
                    _hasToldOfSuspend = _suspending == answer;
                }

                agreed = await CallAsync(driver, nameof(XenBusDriver.SuspendAsync), () => driver.SuspendAsync(this, _leaving.Token))
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        catch (Exception error)
        {
            // What becomes of the device depends on what becomes of the suspend, which one driver does not stop.
            await WriteErrorAsync($"driver {Driver?.Name} failed in {nameof(XenBusDriver.SuspendAsync)}", error)
                .ConfigureAwait(EventLoop.IsCurrent);
            lock (_gate)
            {
                _suspendFailure = error;
            }
        }

        lock (_gate)
        {
            if (_suspending == answer)
            {
                _hasToldOfSuspend &= agreed;
                if (agreed)
                {
                    _queue.Hold();
                }
            }
        }

        answer.TrySetResult(agreed);
    }

    private async ValueTask TellOfCancelledSuspendAsync()
    {
        if (Phase == XenDevicePhase.Departing)
        {
            // It left after the suspend had been announced, and its driver is asked to let it go next.
            _queue.Post(new(DeviceWorkKind.Detach), DetachAsync);
            return;
        }

        await TellAsync(nameof(XenBusDriver.SuspendCancelledAsync), told => told.SuspendCancelledAsync(this, _leaving.Token))
            .ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask TellOfResumeAsync()
    {
        if (Phase == XenDevicePhase.Departing)
        {
            _queue.Post(new(DeviceWorkKind.Detach), DetachAsync);
            return;
        }

        if (_isShutDown)
        {
            // The connection has gone with the domain that had it.
            EndShutdown(isClosed: true);
            return;
        }

        if (Phase != XenDevicePhase.Attached)
        {
            return;
        }

        _awaitsResume = true;
        if (!await TellAsync(nameof(XenBusDriver.ResumeAsync), driver => driver.ResumeAsync(this, _leaving.Token))
            .ConfigureAwait(EventLoop.IsCurrent))
        {
            return;
        }

        _awaitsResume = false;
        if (Phase == XenDevicePhase.Attached)
        {
            Bus.Emit(XenBusEventKind.Resumed, this, $"{Name}: resumed, other end at domain {OtherEndId}, {OtherEndPath}");
            await FollowEndsAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Sets an attached device's state to Initialising, whether or not the tool stack has done so; one without a driver keeps the state
    /// that the store says. <see langword="false"/> when there is no device any more.
    /// </summary>
    private async ValueTask<bool> ResetStateAsync()
    {
        using StateHolder held = await EnterStateAsync().ConfigureAwait(EventLoop.IsCurrent);
        if (await Store.TryReadAsync(Node + "/state").ConfigureAwait(EventLoop.IsCurrent) is not { } value)
        {
            return false;
        }

        XenBusState state = XenBusStates.Parse(value);
        if (state == XenBusState.Initialising || Phase is XenDevicePhase.Arrived or XenDevicePhase.NoDriver)
        {
            Remember(state);
            return true;
        }

        return await WriteStateAsync(XenBusState.Initialising, CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
    }
}
