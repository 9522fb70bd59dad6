using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The device's part of the domain's end.</summary>
public sealed partial class XenDevice
{
    private TaskCompletionSource<bool>? _shutdown;

    // Set when the queue reaches the shutdown: no other call into the driver follows. Written on the device's queue only.
    private volatile bool _isShutDown;

    /// <summary>
    /// Closes the device, after the calls that wait already, and after a suspend that is under way. <see langword="false"/> when it could
    /// not be closed. A device that is gone, or that shares nothing yet, counts as closed.
    /// </summary>
    internal Task<bool> ShutdownAsync()
    {
        TaskCompletionSource<bool> end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
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
            // The device has left.
        }
        catch (Exception error)
        {
            // The device is closed nevertheless, so that the back end releases it.
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
    /// Takes the next step to Closed that the other end's state allows; called at each change of it. Linux's back ends leave Connected upon
    /// our Closing, and unmap ring and pages upon our Closed, not before.
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
                // The device has left.
                EndShutdown(isClosed: true);
            }
            else if (!isInUse && otherEnd != XenBusState.Closing)
            {
                EndShutdown(isClosed: true);
            }
        }
        catch (XenStoreException error) when (error.IsTemporary)
        {
            ReportTemporary("it cannot be closed", error);
            RetryLater();
        }
        catch (XenStoreException error)
        {
            Bus.Report(this, $"{Name}: it cannot be closed: {error.Message}");
            EndShutdown(isClosed: false);
        }
    }

    private void EndShutdown(bool isClosed)
    {
        lock (_lock)
        {
            _shutdown?.TrySetResult(isClosed);
        }
    }
}
