using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The device's part of the domain's end.</summary>
public sealed partial class XenDevice
{
    private TaskCompletionSource<bool>? _shutdown;

    // From its turn on the driver is told of nothing. Written on the device's queue only.
    private volatile bool _isShutDown;

    /// <summary>
    /// Closes the device behind the calls that wait already, and in a suspend after it. <see langword="false"/> when it could not be
    /// closed. A device that is gone, or that shares nothing yet, has nothing to be closed.
    /// </summary>
    internal Task<bool> ShutdownAsync()
    {
        TaskCompletionSource<bool> end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _shutdown = end;
        }

        if (!_queue.Post(new(DeviceWorkKind.Shutdown), BeginShutdownAsync))
        {
            EndShutdown(isClosed: true);
        }

        return end.Task;
    }

    private async ValueTask BeginShutdownAsync()
    {
        _isShutDown = true;
        if (Phase != XenDevicePhase.Attached || Driver is not { } driver || Session is not { } session)
        {
            EndShutdown(isClosed: true);
            return;
        }

        try
        {
            await CallAsync(driver, nameof(DeviceSession.ShutdownAsync), async () =>
            {
                await session.ShutdownAsync(_leaving.Token).ConfigureAwait(EventLoop.IsCurrent);
                return true;
            }).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException) when (_leaving.IsCancellationRequested)
        {
            // It has left meanwhile.
        }
        catch (Exception error)
        {
            // The back end is to let go of the device all the same.
            Bus.Report(this, $"{Name}: driver {driver.Name} failed in {nameof(DeviceSession.ShutdownAsync)}: {error.Message}");
        }

        if (_state is XenBusState.Initialising or XenBusState.Closed)
        {
            EndShutdown(isClosed: true);
        }
        else
        {
            await CloseEndsAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Takes the next step to Closed that the other end's state allows; called for each change of it. Linux's back ends leave Connected
    /// upon Closing, and let go of ring and pages upon Closed, not before.
    /// </summary>
    private async ValueTask CloseEndsAsync()
    {
        if (_shutdown is { Task.IsCompleted: true })
        {
            return;
        }

        try
        {
            await ResolveStateAsync().ConfigureAwait(EventLoop.IsCurrent);
            XenBusState otherEnd = NoteOtherEnd(await ReadOtherEndStateAsync().ConfigureAwait(EventLoop.IsCurrent));
            bool isInUse = otherEnd is XenBusState.Initialised or XenBusState.Connected
                or XenBusState.Reconfiguring or XenBusState.Reconfigured;
            XenBusState next = isInUse && _state != XenBusState.Closed ? XenBusState.Closing : XenBusState.Closed;
            if (!await SetStateAsync(next).ConfigureAwait(EventLoop.IsCurrent))
            {
                // It is no device of ours any more.
                EndShutdown(isClosed: true);
            }
            else if (!isInUse && otherEnd != XenBusState.Closing)
            {
                EndShutdown(isClosed: true);
            }
            else if (!FollowsOtherEnd)
            {
                TryAgainLater();
            }
        }
        catch (XenStoreException error) when (error.IsTemporary)
        {
            SayTemporary("it cannot be closed", error);
            TryAgainLater();
        }
        catch (XenStoreException error)
        {
            Bus.Report(this, $"{Name}: it cannot be closed: {error.Message}");
            EndShutdown(isClosed: false);
        }
    }

    private void EndShutdown(bool isClosed)
    {
        lock (_gate)
        {
            _shutdown?.TrySetResult(isClosed);
        }
    }
}
