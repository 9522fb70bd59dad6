namespace Xenlet.XenBus;

/// <summary>Settings of a bus; the defaults suit a guest.</summary>
public sealed record XenBusOptions
{
    /// <summary>
    /// How long a call into a driver may take before the bus reports it. The call continues, and only its own device waits.
    /// </summary>
    public TimeSpan DriverTimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause before the bus asks a driver that refused to detach once more.</summary>
    public TimeSpan DetachRetryInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The time between the state Closed of a back end that the tool stack wants gone, and the removal of its directory. libxl has to read
    /// the state first: it takes one that vanishes while it waits for Closed for an error, and waits 10 seconds for the directory to vanish
    /// (libxl_device.c, device_backend_callback and device_destroy_be_watch_cb).
    /// </summary>
    public TimeSpan RemovalDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long <see cref="DeviceBus.WaitForBootAsync"/> waits by default.</summary>
    public TimeSpan BootTimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long <see cref="DeviceBus.SuspendAsync"/> waits for drivers. It continues without those that have not returned. libxl gives a
    /// domain 60 seconds to suspend, which two buses, the program and the store share.
    /// </summary>
    public TimeSpan SuspendTimeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long <see cref="FrontBus.ShutdownAsync"/> waits, for all devices together. Linux gives each its own 5 seconds
    /// (drivers/xen/xenbus/xenbus_probe.c, xenbus_dev_shutdown).
    /// </summary>
    public TimeSpan ShutdownTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// For tests: whether the queues of the bus and of its devices run work only when <see cref="DeviceBus.StepAsync"/> and
    /// <see cref="XenDevice.StepAsync"/> ask for it.
    /// </summary>
    public bool Stepped { get; init; }

    /// <summary>The clock for time limits and for the times of events.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
