using Xenlet.Kernel;

namespace Xenlet.XenBus;

/// <summary>What an event of a bus is about.</summary>
public enum XenBusEventKind
{
    /// <summary>A device was found.</summary>
    Arrived,

    /// <summary>A driver has taken the device on.</summary>
    Attached,

    /// <summary>No driver fits the device.</summary>
    NoDriver,

    /// <summary>The driver failed; the device was closed.</summary>
    Failed,

    /// <summary>This end's state changed, by this bus or by another domain.</summary>
    StateChanged,

    /// <summary>The other end's state changed.</summary>
    OtherEndStateChanged,

    /// <summary>The device has left, and its driver has detached.</summary>
    Departed,

    /// <summary>After a suspend, the driver has been told that the domain runs again.</summary>
    Resumed,

    /// <summary>Something that an administrator may want to know.</summary>
    Message,
}

/// <summary>Something that happened on a bus.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Time">When, by the bus's clock.</param>
/// <param name="Device">The device, if it concerns one that is known.</param>
/// <param name="Text">
/// One line that says it, fit for a console (<see cref="ForeignText"/>); begins with the device's name where there is one.
/// </param>
public sealed record XenBusEvent(XenBusEventKind Kind, DateTimeOffset Time, XenDevice? Device, string Text)
{
    /// <inheritdoc/>
    public override string ToString() => Text;
}
