using System.Globalization;

namespace Xenlet.XenBus;

/// <summary>A device that has neither connected nor closed.</summary>
/// <param name="Device">The device.</param>
/// <param name="State">This end's state.</param>
/// <param name="OtherEndState">The other end's state, as the store had it when the report was made.</param>
/// <param name="Waited">How long ago the device was found.</param>
public sealed record MissingDevice(XenDevice Device, XenBusState State, XenBusState OtherEndState, TimeSpan Waited)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Device.Name}: {State}, other end {OtherEndState}, for {Waited.TotalSeconds:0.0} s");
}

/// <summary>How boot ended for a bus.</summary>
/// <param name="IsComplete">
/// Whether every device present at boot was connected, closed or given up within the time limit, before the bus was disposed of.
/// </param>
/// <param name="Missing">The others.</param>
public sealed record BootReport(bool IsComplete, IReadOnlyList<MissingDevice> Missing)
{
    /// <inheritdoc/>
    public override string ToString() => IsComplete
        ? "all devices are there"
        : Missing.Count == 0 ? "the bus has not been enumerated" : "still missing: " + string.Join("; ", Missing);
}
