namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>Why a domain shuts down (sched.h, enum sched_shutdown_reason); the tool stack's on_ settings act on it.</summary>
internal enum XenShutdown : uint
{
    /// <summary>SHUTDOWN_poweroff: ended normally.</summary>
    PowerOff = 0,

    /// <summary>SHUTDOWN_reboot: end and start again.</summary>
    Reboot = 1,

    /// <summary>SHUTDOWN_suspend: to be saved; the hypercall returns 1 when cancelled and 0 in the resumed domain.</summary>
    Suspend = 2,

    /// <summary>SHUTDOWN_crash: the guest failed.</summary>
    Crash = 3,

    /// <summary>SHUTDOWN_watchdog: a watchdog ran out.</summary>
    Watchdog = 4,

    /// <summary>SHUTDOWN_soft_reset: start over with memory and vCPU contexts kept.</summary>
    SoftReset = 5,
}
