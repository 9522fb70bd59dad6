using System.Globalization;

namespace Xenlet.XenBus;

/// <summary>How the devices of a domain that ends were closed.</summary>
/// <param name="Open">The devices that were not closed: back end, driver or store did not answer, or the store refused.</param>
/// <param name="Limit">How long they were waited for.</param>
public sealed record ShutdownReport(IReadOnlyList<XenDevice> Open, TimeSpan Limit)
{
    /// <summary>Whether all are closed.</summary>
    public bool IsComplete => Open.Count == 0;

    /// <inheritdoc/>
    public override string ToString() => IsComplete
        ? "all devices are closed"
        : string.Create(CultureInfo.InvariantCulture, $"not closed after {Limit.TotalSeconds:0.###} s: ")
            + string.Join(", ", Open.Select(device => $"{device.Name} ({device.State}, other end {device.OtherEndState})"));
}
