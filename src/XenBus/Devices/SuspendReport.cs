namespace Xenlet.XenBus;

/// <summary>What drivers said to a suspend.</summary>
/// <param name="Refused">The devices whose drivers refused. When there are any, the domain is not suspended, and continues.</param>
/// <param name="Late">The devices whose drivers did not return in time. The domain is suspended without them.</param>
public sealed record SuspendReport(IReadOnlyList<XenDevice> Refused, IReadOnlyList<XenDevice> Late)
{
    /// <summary>Whether the domain may be suspended.</summary>
    public bool IsReady => Refused.Count == 0;

    /// <inheritdoc/>
    public override string ToString()
    {
        string text = IsReady
            ? "ready for a suspend"
            : "refused by " + string.Join(", ", Refused.Select(device => $"{device.Name} (driver {device.Driver?.Name})"));
        return Late.Count == 0 ? text : text + "; late: " + string.Join(", ", Late.Select(device => device.Name));
    }
}
