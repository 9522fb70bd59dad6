namespace Xenlet.XenBus;

/// <summary>How far the bus is with a device.</summary>
public enum XenDevicePhase
{
    /// <summary>The bus has found it, and has offered it to no driver yet.</summary>
    Arrived,

    /// <summary>No driver fits. It stays on the list, with its state as it is, until a driver is added that fits.</summary>
    NoDriver,

    /// <summary>A driver's <see cref="XenBusDriver.AttachAsync"/> is running.</summary>
    Attaching,

    Attached,

    /// <summary>It has left the store, or was set up again there, and its driver has not detached yet.</summary>
    Departing,

    /// <summary>It is on the bus's list no more.</summary>
    Gone,
}
