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
    private bool _isSessionSuspended;
    private bool _awaitsExamination;
    private bool _awaitsResume;
    private Exception? _suspendFailure;

    /// <summary>Whether the device has to be examined after a suspend. Its queue is held until it has been.</summary>
    internal bool AwaitsExamination
    {
        get
        {
            lock (_lock)
            {
                return _awaitsExamination;
            }
        }
    }

    /// <summary>
    /// Suspends the driver after the work that waits already, and holds the queue. <see langword="false"/> when the driver refused; then
    /// the queue continues.
    /// </summary>
    internal Task<bool> SuspendAsync()
    {
        TaskCompletionSource<bool> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _suspending = answer;
            _isSessionSuspended = false;
        }

        if (!_queue.Post(new(DeviceWorkKind.Suspend), () => SuspendSessionAsync(answer)))
        {
            // The queue is closed: the device is gone.
            answer.TrySetResult(true);
        }

        return answer.Task;
    }

    /// <summary>
    /// Holds the queue though the driver has not returned from a call, so that no other call follows until the resume.
    /// </summary>
    internal void HoldForSuspend() => _queue.Hold();

    /// <summary>The suspend was cancelled, or another driver refused it.</summary>
    internal void CancelSuspend()
    {
        bool wasSuspended = EndSuspend();
        if (AwaitsExamination)
        {
            return;
        }

        if (TakeSuspendFailure() is { } failure)
        {
            _queue.Release((
                new(DeviceWorkKind.FailSuspend),
                () => FailAsync($"failed in {nameof(DeviceSession.SuspendAsync)}", failure)));
        }
        else
        {
            _queue.Release(wasSuspended ? (new(DeviceWorkKind.CancelSuspend), CancelSessionSuspendAsync) : null);
        }
    }

    /// <summary>Marks the device to be examined; <see langword="false"/> when it was marked already.</summary>
    internal bool AwaitExamination()
    {
        lock (_lock)
        {
            bool before = _awaitsExamination;
            _awaitsExamination = true;
            return !before;
        }
    }

    /// <summary>
    /// Finds out what has become of the device and its other end in a suspend, without its driver and while its queue is held. The result
    /// says what <see cref="Resume"/> has to do.
    /// </summary>
    internal async Task<ResumeFinding> ExamineAsync()
    {
        try
        {
            if (Phase is XenDevicePhase.Departing or XenDevicePhase.Gone)
            {
                return new(null, null);
            }

            // In the order of FreeBSD's xenbusb_resume: the watch of the old other end ends before the new one is read.
            await _otherEndWatch.StopAsync().ConfigureAwait(EventLoop.IsCurrent);
            if (!await ResetStateAsync().ConfigureAwait(EventLoop.IsCurrent))
            {
                return new("has left the store while the domain was suspended", null);
            }

            (OtherEnd? otherEnd, string problem) = await Bus.OtherEnds.ReadAsync(Node).ConfigureAwait(EventLoop.IsCurrent);
            if (otherEnd is null)
            {
                return new(problem, null);
            }

            _otherEndWatch.OtherEnd = otherEnd;
            _otherEndState = XenBusState.Unknown;
            return new(null, null);
        }
        catch (Exception error)
        {
            return new(null, error);
        }
    }

    /// <summary>Continues the device's work after a suspend.</summary>
    internal void Resume(ResumeFinding finding)
    {
        EndSuspend();
        lock (_lock)
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
            // The driver's state is unknown, and its connection has ended in any case.
            Depart($"is taken on anew, since driver {Driver?.Name} failed in {nameof(DeviceSession.SuspendAsync)}");
            _queue.Release();
        }
        else
        {
            _queue.Withdraw(new(DeviceWorkKind.CancelSuspend));
            _queue.Release((new(DeviceWorkKind.Resume), finding.Error is { } error
                ? () => FailAsync("cannot be resumed", error)
                : ResumeSessionAsync));
        }
    }

    /// <summary>Ends the suspend for this device; whether its driver has suspended it.</summary>
    private bool EndSuspend()
    {
        _queue.Withdraw(new(DeviceWorkKind.Suspend));
        lock (_lock)
        {
            _suspending = null;
            return _isSessionSuspended;
        }
    }

    private Exception? TakeSuspendFailure()
    {
        lock (_lock)
        {
            (Exception? failure, _suspendFailure) = (_suspendFailure, null);
            return failure;
        }
    }

    private async ValueTask SuspendSessionAsync(TaskCompletionSource<bool> answer)
    {
        bool agreed = true;
        try
        {
            if (Phase is (XenDevicePhase.Attached or XenDevicePhase.Departing) && !_isShutDown
                && Driver is { } driver && Session is { } session)
            {
                lock (_lock)
                {
                    _isSessionSuspended = _suspending == answer;
                }

                agreed = await CallAsync(driver, nameof(DeviceSession.SuspendAsync), () => session.SuspendAsync(_leaving.Token))
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        catch (Exception error)
        {
            // One driver does not stop the suspend; the device is closed, or attached anew, when that has ended.
            await WriteErrorAsync($"driver {Driver?.Name} failed in {nameof(DeviceSession.SuspendAsync)}", error)
                .ConfigureAwait(EventLoop.IsCurrent);
            lock (_lock)
            {
                _suspendFailure = error;
            }
        }

        lock (_lock)
        {
            if (_suspending == answer)
            {
                _isSessionSuspended &= agreed;
                if (agreed)
                {
                    _queue.Hold();
                }
            }
        }

        answer.TrySetResult(agreed);
    }

    private async ValueTask CancelSessionSuspendAsync()
    {
        if (Phase == XenDevicePhase.Departing)
        {
            // It left after its driver had suspended it.
            _queue.Post(new(DeviceWorkKind.Detach), DetachAsync);
            return;
        }

        await CallSessionAsync(nameof(DeviceSession.SuspendCancelledAsync), session => session.SuspendCancelledAsync(_leaving.Token))
            .ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask ResumeSessionAsync()
    {
        if (Phase == XenDevicePhase.Departing)
        {
            _queue.Post(new(DeviceWorkKind.Detach), DetachAsync);
            return;
        }

        if (_isShutDown)
        {
            // The connection ended with the suspend.
            EndShutdown(isClosed: true);
            return;
        }

        if (Phase != XenDevicePhase.Attached)
        {
            return;
        }

        _awaitsResume = true;
        if (!await CallSessionAsync(nameof(DeviceSession.ResumeAsync), ResumeOrAttachAsync).ConfigureAwait(EventLoop.IsCurrent))
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

    /// <summary>Resumes the driver's session, or detaches it and attaches the device anew where it cannot be resumed.</summary>
    private async ValueTask ResumeOrAttachAsync(DeviceSession session)
    {
        if (await session.ResumeAsync(_leaving.Token).ConfigureAwait(EventLoop.IsCurrent))
        {
            return;
        }

        if (!await session.DetachAsync().ConfigureAwait(EventLoop.IsCurrent))
        {
            throw new InvalidOperationException("it is busy, and cannot be taken on anew");
        }

        if (Driver is { } driver)
        {
            UseSession(await driver.AttachAsync(this, _leaving.Token).ConfigureAwait(EventLoop.IsCurrent));
        }
    }

    /// <summary>
    /// Sets an attached device's state to Initialising, whether or not the tool stack has done so; a device without driver keeps the state
    /// that the store has. <see langword="false"/> when there is no device any more.
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
