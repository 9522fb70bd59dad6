namespace Xenlet.XenBus;

/// <summary>
/// The state that one end of a device has in its <c>state</c> node. Names and numbers are those of <c>enum xenbus_state</c> in Xen's
/// <c>io/xenbus.h</c>.
/// </summary>
public enum XenBusState
{
    Unknown = 0,

    /// <summary>The tool stack has made the device, and this end has not begun to work on it.</summary>
    Initialising = 1,

    /// <summary>This end is set up as far as it can be without the other end.</summary>
    InitWait = 2,

    /// <summary>This end has written to the store all that the other end needs.</summary>
    Initialised = 3,

    Connected = 4,

    Closing = 5,

    Closed = 6,

    /// <summary>Only PCI pass-through uses this state and <see cref="Reconfigured"/>.</summary>
    Reconfiguring = 7,

    Reconfigured = 8,
}
