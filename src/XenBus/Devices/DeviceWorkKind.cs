namespace Xenlet.XenBus.Devices;

/// <summary>What is done on a device's queue.</summary>
internal enum DeviceWorkKind
{
    /// <summary>Finds a driver, and attaches it.</summary>
    Attach,

    /// <summary>Detaches the driver.</summary>
    Detach,

    /// <summary>Notifies the driver of a change at this end.</summary>
    NotifyLocalEnd,

    /// <summary>Notifies the driver of the other end's state.</summary>
    NotifyOtherEnd,

    /// <summary>Repeats what xenstored did not answer.</summary>
    Retry,

    /// <summary>Removes the device's directory.</summary>
    Remove,

    /// <summary>Suspends the driver, and then stops the device's queue.</summary>
    Suspend,

    /// <summary>Closes the device of a driver that failed in a suspend which was cancelled.</summary>
    FailSuspend,

    /// <summary>Tells the driver that the suspend was cancelled.</summary>
    CancelSuspend,

    /// <summary>Tells the driver that the domain runs again, or closes a device that could not be examined.</summary>
    Resume,

    /// <summary>Closes the device, since the domain ends.</summary>
    Shutdown,
}
