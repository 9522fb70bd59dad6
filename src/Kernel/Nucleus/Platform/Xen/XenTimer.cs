using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>The boot processor's one-shot timer, an event channel bound to VIRQ_TIMER.</summary>
internal static class XenTimer
{
    // Xen's times are signed, and Xen adds to them. More than a century ahead is as good as never.
    private const ulong FarthestTime = 1UL << 62;

    private static uint s_port;

    /// <summary>The event channel port that the timer signals.</summary>
    public static uint Port => s_port;

    /// <summary>Binds the timer; the caller unmasks <see cref="Port"/>. Repeat it, and arming, after a resume.</summary>
    public static void Initialise()
    {
        XenError.PanicIfFailed(VcpuOp.StopPeriodicTimer(0), "VCPUOP_stop_periodic_timer"u8);
        XenError.PanicIfFailed(EventChannelOp.BindVirq(EventChannelOp.VIRQ_TIMER, 0, out s_port), "EVTCHNOP_bind_virq(VIRQ_TIMER)"u8);
    }

    /// <summary>Sets the time of the next signal, replacing an earlier one. A time in the past signals at once.</summary>
    /// <param name="deadline">On the scale of <see cref="PvClock.Now"/>.</param>
    /// <remarks>
    /// VCPU_SSHOTTMR_future is not set: Xen may return -ETIME for it or ignore it, and an immediate signal is what the nucleus needs.
    /// </remarks>
    public static void Arm(ulong deadline)
    {
        long systemTime = (long)(deadline > FarthestTime ? FarthestTime : deadline) - PvClock.Offset;
        ulong absolute = systemTime < 0 ? 0 : (ulong)systemTime;
        XenError.PanicIfFailed(VcpuOp.SetSingleShotTimer(0, absolute, 0), "VCPUOP_set_singleshot_timer"u8);
    }

    /// <summary>Disarms the timer. A signal that has already arrived stays pending.</summary>
    public static void Disarm() => XenError.PanicIfFailed(VcpuOp.StopSingleShotTimer(0), "VCPUOP_stop_singleshot_timer"u8);
}
