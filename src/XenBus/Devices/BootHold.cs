namespace Xenlet.XenBus.Devices;

/// <summary>
/// Holds boot until the bus has found its devices, and until each of these is connected, closed or gone. It keeps a set, not a count: no
/// device can be released twice, and one that departs for whatever reason releases its part.
/// </summary>
internal sealed class BootHold
{
    private readonly Lock _lock = new();
    private readonly HashSet<XenDevice> _devices = [];
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isBusStarting = true;
    private bool _hasEnded;

    /// <summary>Completes when nothing holds boot any more.</summary>
    public Task Released => _released.Task;

    /// <summary>Whether all devices released boot, rather than the end of the bus.</summary>
    public bool IsComplete
    {
        get
        {
            lock (_lock)
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
            lock (_lock)
            {
                return [.. _devices];
            }
        }
    }

    /// <summary>A device holds boot, unless boot is over.</summary>
    public void Add(XenDevice device)
    {
        lock (_lock)
        {
            if (!_released.Task.IsCompleted)
            {
                _devices.Add(device);
            }
        }
    }

    /// <summary>A device is connected, closed or gone, and holds boot no more.</summary>
    public void Release(XenDevice device)
    {
        lock (_lock)
        {
            if (_devices.Remove(device))
            {
                ReleaseWhenEmpty();
            }
        }
    }

    /// <summary>The bus has found all devices that were present at its start.</summary>
    public void ReleaseBus()
    {
        lock (_lock)
        {
            _isBusStarting = false;
            ReleaseWhenEmpty();
        }
    }

    /// <summary>The bus ends: ends all waits for boot.</summary>
    public void End()
    {
        lock (_lock)
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
