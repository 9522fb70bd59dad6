namespace Xenlet.XenBus;

/// <summary>Usual answers of <see cref="XenBusDriver.Probe"/>; the numbers are those of FreeBSD's <c>sys/bus.h</c>.</summary>
public static class ProbePriority
{
    /// <summary>No other driver can be meant.</summary>
    public const int Specific = 0;

    /// <summary>The driver of the device's maker.</summary>
    public const int Vendor = -10;

    /// <summary>An ordinary driver.</summary>
    public const int Default = -20;

    /// <summary>A driver that gives way to an ordinary one.</summary>
    public const int LowPriority = -40;

    /// <summary>A driver for a whole class of devices.</summary>
    public const int Generic = -100;
}
