namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>Why a domain shuts down (sched.h, enum sched_shutdown_reason). The tool stack's on_ settings act on it.</summary>
internal enum XenShutdown : uint
{
    /// <summary>SHUTDOWN_poweroff: the domain ended normally.</summary>
    PowerOff = 0,

    /// <summary>SHUTDOWN_reboot: the domain ends and starts again.</summary>
    Reboot = 1,

    /// <summary>
    /// SHUTDOWN_suspend: the domain is to be saved. The hypercall returns 1 if that was cancelled, and 0 in the resumed domain.
    /// </summary>
    Suspend = 2,

    /// <summary>SHUTDOWN_crash: the guest failed.</summary>
    Crash = 3,

    /// <summary>SHUTDOWN_watchdog: a watchdog timer expired.</summary>
    Watchdog = 4,

    /// <summary>SHUTDOWN_soft_reset: the domain starts over and keeps its memory and vCPU contexts.</summary>
    SoftReset = 5,
}
