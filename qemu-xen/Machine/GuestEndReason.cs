namespace Xenlet.QemuXen;

/// <summary>Why a guest ended. The first six values are Xen's shutdown reasons (public/sched.h, SHUTDOWN_*).</summary>
public enum GuestEndReason
{
    /// <summary>It powered off.</summary>
    PowerOff = 0,

    /// <summary>It requested a reboot, or a triple fault looked like one.</summary>
    Reboot = 1,

    /// <summary>It was suspended and its domain removed: it was saved or migrated away.</summary>
    Suspend = 2,

    /// <summary>It reported its own crash, or Xen crashed it.</summary>
    Crash = 3,

    /// <summary>Its watchdog timer expired.</summary>
    Watchdog = 4,

    /// <summary>It requested a soft reset.</summary>
    SoftReset = 5,

    /// <summary>It was ended from outside.</summary>
    Destroyed = 100,
}
