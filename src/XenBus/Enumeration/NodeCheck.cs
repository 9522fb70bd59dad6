namespace Xenlet.XenBus.Enumeration;

/// <summary>How a device's node compares with what the bus knows of it.</summary>
internal enum NodeCheck
{
    /// <summary>The device is there; its state has been noted.</summary>
    Present,

    /// <summary>This end is writing the state; the bus examines the node again after it.</summary>
    BeingWritten,

    /// <summary>There is no state node, so no device.</summary>
    Gone,

    /// <summary>Another domain has set the state back to Initialising: it is another device at the same place.</summary>
    SetUpAnew,
}
