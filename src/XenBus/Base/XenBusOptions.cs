namespace Xenlet.XenBus;

/// <summary>Settings of a bus; the defaults suit a guest.</summary>
public sealed record XenBusOptions
{
    /// <summary>
    /// After how long a call into a driver that has not returned is reported. It is not ended: only its own device waits.
    /// </summary>
    public TimeSpan DriverTimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After how long a driver that refused to detach is asked again.</summary>
    public TimeSpan DetachRetryInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long <see cref="DeviceBus.WaitForBootAsync"/> waits when it is not told otherwise.</summary>
    public TimeSpan BootTimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long <see cref="DeviceBus.SuspendAsync"/> waits for drivers; it goes on without those that have not returned. libxl gives a
    /// domain 60 seconds to suspend, in which two buses, the program and the store have their parts.
    /// </summary>
    public TimeSpan SuspendTimeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long <see cref="FrontBus.ShutdownAsync"/> waits, for all devices together. Linux gives each its own 5 seconds
    /// (drivers/xen/xenbus/xenbus_probe.c, xenbus_dev_shutdown).
    /// </summary>
    public TimeSpan ShutdownTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether the queues of the bus and of its devices stand still until <see cref="DeviceBus.StepAsync"/> and
    /// <see cref="XenDevice.StepAsync"/> run their next piece of work; for tests.
    /// </summary>
    public bool Stepped { get; init; }

    /// <summary>The clock for time limits and for the times in traces.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
