namespace Xenlet.XenBus.Devices;

/// <summary>
/// Keeps those who wait for boot waiting: once for the bus's own start, and once for each device found until then, or until all are
/// released. Each is in it or not, so none can be released twice, and a device that goes for whatever reason takes its share along.
/// </summary>
internal sealed class BootHold
{
    private readonly Lock _gate = new();
    private readonly HashSet<XenDevice> _devices = [];
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isBusStarting = true;
    private bool _hasEnded;

    /// <summary>Completes when nothing holds boot any more.</summary>
    public Task Released => _released.Task;

    /// <summary>Whether all were released, and not merely let go.</summary>
    public bool IsComplete
    {
        get
        {
            lock (_gate)
            {
                return !_hasEnded && _released.Task.IsCompleted;
            }
        }
    }

    /// <summary>The devices that hold boot.</summary>
    public XenDevice[] Devices
    {
        get
        {
            lock (_gate)
            {
                return [.. _devices];
            }
        }
    }

    /// <summary>A device holds boot, unless boot is over.</summary>
    public void Add(XenDevice device)
    {
        lock (_gate)
        {
            if (!_released.Task.IsCompleted)
            {
                _devices.Add(device);
            }
        }
    }

    /// <summary>A device has got where it can get; does nothing the second time.</summary>
    public void Release(XenDevice device)
    {
        lock (_gate)
        {
            if (_devices.Remove(device))
            {
                ReleaseWhenEmpty();
            }
        }
    }

    /// <summary>All devices present at the start have been found.</summary>
    public void ReleaseBus()
    {
        lock (_gate)
        {
            _isBusStarting = false;
            ReleaseWhenEmpty();
        }
    }

    /// <summary>The bus ends: whoever waits for boot waits no longer.</summary>
    public void End()
    {
        lock (_gate)
        {
            _hasEnded = !_released.Task.IsCompleted;
            _devices.Clear();
            _released.TrySetResult();
        }
    }

    private void ReleaseWhenEmpty()
    {
        if (!_isBusStarting && _devices.Count == 0)
        {
            _released.TrySetResult();
        }
    }
}
