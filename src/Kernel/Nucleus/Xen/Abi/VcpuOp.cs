using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>HYPERVISOR_vcpu_op: timers and state of a vCPU (vcpu.h).</summary>
internal static unsafe class VcpuOp
{
    public const uint VCPUOP_up = 1;
    public const uint VCPUOP_down = 2;
    public const uint VCPUOP_is_up = 3;
    public const uint VCPUOP_stop_periodic_timer = 7;
    public const uint VCPUOP_set_singleshot_timer = 8;
    public const uint VCPUOP_stop_singleshot_timer = 9;
    public const uint VCPUOP_register_vcpu_info = 10;

    /// <summary>
    /// vcpu_set_singleshot_timer.flags: return -ETIME if the time has passed. "Can be ignored by the hypervisor", says the header, and Xen
    /// 4.17 does ignore it: it raises VIRQ_TIMER at once.
    /// </summary>
    public const uint VCPU_SSHOTTMR_future = 1 << 0;

    /// <summary>VCPUOP_up: lets an initialised vCPU run.</summary>
    public static long Up(uint vcpu) => Invoke(VCPUOP_up, vcpu, null);

    /// <summary>VCPUOP_down: stops a vCPU. Another vCPU stops asynchronously.</summary>
    public static long Down(uint vcpu) => Invoke(VCPUOP_down, vcpu, null);

    /// <summary>VCPUOP_is_up: 1 if the vCPU runs, 0 if it does not, -ENOENT if it does not exist.</summary>
    public static long IsUp(uint vcpu) => Invoke(VCPUOP_is_up, vcpu, null);

    /// <summary>VCPUOP_stop_periodic_timer: stops a vCPU's tick, which some versions of Xen start unasked.</summary>
    public static long StopPeriodicTimer(uint vcpu) => Invoke(VCPUOP_stop_periodic_timer, vcpu, null);

    /// <summary>VCPUOP_set_singleshot_timer: raises VIRQ_TIMER of the calling vCPU once.</summary>
    /// <param name="vcpu">The calling vCPU. -EINVAL for another one.</param>
    /// <param name="systemTime">Absolute system time in nanoseconds, without the offset of the guest's own clock.</param>
    /// <param name="flags">VCPU_SSHOTTMR_ flags.</param>
    public static long SetSingleShotTimer(uint vcpu, ulong systemTime, uint flags)
    {
        vcpu_set_singleshot_timer argument = new() { timeout_abs_ns = systemTime, flags = flags };
        return Invoke(VCPUOP_set_singleshot_timer, vcpu, &argument);
    }

    /// <summary>VCPUOP_stop_singleshot_timer.</summary>
    public static long StopSingleShotTimer(uint vcpu) => Invoke(VCPUOP_stop_singleshot_timer, vcpu, null);

    /// <summary>VCPUOP_register_vcpu_info: moves a vCPU's vcpu_info out of shared_info. Possible once in the domain's life.</summary>
    /// <param name="vcpu">The vCPU. From 32 on, a vCPU has no place in shared_info and needs this call.</param>
    /// <param name="frame">Guest frame number.</param>
    /// <param name="offset">Byte offset in the frame. The structure must not cross the page.</param>
    public static long RegisterVcpuInfo(uint vcpu, ulong frame, uint offset)
    {
        vcpu_register_vcpu_info argument = new() { mfn = frame, offset = offset };
        return Invoke(VCPUOP_register_vcpu_info, vcpu, &argument);
    }

    private static long Invoke(uint operation, uint vcpu, void* argument) =>
        Hypercall.Invoke(HypercallNumber.__HYPERVISOR_vcpu_op, operation, vcpu, (ulong)argument);
}

/// <summary>Argument of VCPUOP_set_singleshot_timer (vcpu.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct vcpu_set_singleshot_timer
{
    public ulong timeout_abs_ns;
    public uint flags;
}

/// <summary>Argument of VCPUOP_register_vcpu_info (vcpu.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct vcpu_register_vcpu_info
{
    public ulong mfn;
    public uint offset;
    public uint rsvd;
}
