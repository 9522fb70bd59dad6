namespace Xenlet.XenBus;

/// <summary>How far the bus is with a device.</summary>
public enum XenDevicePhase
{
    /// <summary>Found; its drivers have not been asked yet.</summary>
    Arrived,

    /// <summary>No driver fits. It stays listed, its state untouched, and is offered again when a driver is added.</summary>
    NoDriver,

    /// <summary>A driver's <see cref="XenBusDriver.AttachAsync"/> runs.</summary>
    Attaching,

    Attached,

    /// <summary>It has left the store, or was set up anew there, and its driver has not let it go yet.</summary>
    Departing,

    /// <summary>The bus does not know it any more.</summary>
    Gone,
}
