namespace Xenlet.XenBus.Devices;

/// <summary>What a look at a device's node found.</summary>
internal enum NodeCheck
{
    /// <summary>The device is there; its state has been noted.</summary>
    Present,

    /// <summary>The state is being written by this end; the bus looks again after it.</summary>
    BeingWritten,

    /// <summary>There is no state node, so no device.</summary>
    Gone,

    /// <summary>Somebody else has set the state back to Initialising: it is another device at the same place.</summary>
    SetUpAnew,
}
