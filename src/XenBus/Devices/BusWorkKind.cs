namespace Xenlet.XenBus.Devices;

/// <summary>What a bus does on its queue.</summary>
internal enum BusWorkKind
{
    /// <summary>Offers the devices that have no driver to one that was added.</summary>
    OfferDevices,

    /// <summary>Tells the tool stack once more that the bus notices devices that come and go.</summary>
    Announce,

    /// <summary>Registers the watch on the bus's directory that was refused or has ended.</summary>
    WatchAgain,

    /// <summary>Examines what waits to be examined.</summary>
    Examine,

    /// <summary>Ends the retries of failed examinations, if none is left.</summary>
    EndRetry,

    /// <summary>Removes a device whose driver has detached from the list.</summary>
    ForgetDevice,

    /// <summary>Ends a device that no driver serves and that the tool stack wants gone.</summary>
    EndUnserved,

    /// <summary>Stops the bus's work for a suspend.</summary>
    Suspend,

    /// <summary>Examines every device after a suspend.</summary>
    Resume,
}
