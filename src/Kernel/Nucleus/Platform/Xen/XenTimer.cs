using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>The boot processor's one-shot timer, an event channel bound to VIRQ_TIMER.</summary>
internal static class XenTimer
{
    // Xen's times are signed, and it adds to them: more than a century ahead is as good as never.
    private const ulong FarthestTime = 1UL << 62;

    private static uint s_port;

    /// <summary>The event channel port that the timer signals.</summary>
    public static uint Port => s_port;

    /// <summary>Binds the timer; the caller unmasks <see cref="Port"/>. To be repeated after a resume, as is arming.</summary>
    public static void Initialise()
    {
        XenError.PanicIfFailed(VcpuOp.StopPeriodicTimer(0), "VCPUOP_stop_periodic_timer"u8);
        XenError.PanicIfFailed(EventChannelOp.BindVirq(EventChannelOp.VIRQ_TIMER, 0, out s_port), "EVTCHNOP_bind_virq(VIRQ_TIMER)"u8);
    }

    /// <summary>Sets the time of the next signal, in place of an earlier one. A time that has passed signals at once.</summary>
    /// <param name="deadline">On the scale of <see cref="PvClock.Now"/>.</param>
    /// <remarks>VCPU_SSHOTTMR_future is not asked for: Xen may answer it with -ETIME or ignore it, and at once is what is wanted.</remarks>
    public static void Arm(ulong deadline)
    {
        long systemTime = (long)(deadline > FarthestTime ? FarthestTime : deadline) - PvClock.Offset;
        ulong absolute = systemTime < 0 ? 0 : (ulong)systemTime;
        XenError.PanicIfFailed(VcpuOp.SetSingleShotTimer(0, absolute, 0), "VCPUOP_set_singleshot_timer"u8);
    }

    /// <summary>Unsets it; a signal that has come stays pending.</summary>
    public static void Disarm() => XenError.PanicIfFailed(VcpuOp.StopSingleShotTimer(0), "VCPUOP_stop_singleshot_timer"u8);
}
