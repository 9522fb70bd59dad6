using Xenlet.Kernel;

namespace Xenlet.XenBus;

/// <summary>What a bus does when the domain ends.</summary>
public abstract partial class DeviceBus
{
    private TaskCompletionSource<ShutdownReport>? _shutdown;

    /// <summary>Whether the domain ends: the bus takes up no device any more.</summary>
    private bool IsShuttingDown
    {
        get
        {
            lock (_lock)
            {
                return _shutdown is not null;
            }
        }
    }

    /// <summary>Closes all devices at the same time, with one limit for all. A second call returns the first one's task.</summary>
    private protected Task<ShutdownReport> ShutdownDevicesAsync()
    {
        XenDevice[] devices;
        TaskCompletionSource<ShutdownReport> end;
        lock (_lock)
        {
            if (_shutdown is not null)
            {
                return _shutdown.Task;
            }

            _shutdown = end = new(TaskCreationOptions.RunContinuationsAsynchronously);
            devices = _devices.All();
        }

        if (devices.Length == 0)
        {
            end.SetResult(new([], Options.ShutdownTimeLimit));
        }
        else
        {
            _ = EventLoop.RunAsync(Loop, () => ShutdownDevicesAsync(devices, end));
        }

        return end.Task;
    }

    private async Task ShutdownDevicesAsync(XenDevice[] devices, TaskCompletionSource<ShutdownReport> end)
    {
        try
        {
            (XenDevice Device, Task<bool> IsClosed)[] ends = [.. devices.Select(device => (device, device.ShutdownAsync()))];
            try
            {
                await Task.WhenAll(ends.Select(one => EventLoop.OnLoop(one.IsClosed)))
                    .WaitAsync(Options.ShutdownTimeLimit, Options.TimeProvider).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (TimeoutException)
            {
            }

            List<XenDevice> open = [];
            foreach ((XenDevice device, Task<bool> isClosed) in ends)
            {
                if (!isClosed.IsCompleted || !await isClosed.ConfigureAwait(EventLoop.IsCurrent))
                {
                    open.Add(device);
                }
            }

            end.SetResult(new(open, Options.ShutdownTimeLimit));
        }
        catch (Exception error)
        {
            end.TrySetException(error);
        }
    }
}
