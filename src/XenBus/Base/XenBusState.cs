namespace Xenlet.XenBus;

/// <summary>
/// What one end of a connection says of itself in its <c>state</c> node; names and numbers are those of <c>enum xenbus_state</c> in
/// Xen's <c>io/xenbus.h</c>.
/// </summary>
public enum XenBusState
{
    Unknown = 0,

    /// <summary>The tool stack has made the device, and nobody has begun to work on this end.</summary>
    Initialising = 1,

    /// <summary>Set up as far as is possible without the other end.</summary>
    InitWait = 2,

    /// <summary>Everything that the other end needs is in the store.</summary>
    Initialised = 3,

    Connected = 4,

    Closing = 5,

    Closed = 6,

    /// <summary>Used by PCI pass-through only, as <see cref="Reconfigured"/> is.</summary>
    Reconfiguring = 7,

    Reconfigured = 8,
}
