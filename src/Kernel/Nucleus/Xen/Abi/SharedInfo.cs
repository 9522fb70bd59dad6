using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>The shared info page of Xen and the domain: event channels, clock records, wall clock.</summary>
internal static class SharedInfo
{
    /// <summary>Maps the page at a guest frame, preferably one without RAM. Repeat it after a resume.</summary>
    /// <returns>0 or a negative errno. The caller maps the frame as ordinary cached memory.</returns>
    public static long Map(ulong frame) => MemoryOp.AddToPhysmap(MemoryOp.XENMAPSPACE_shared_info, 0, frame);
}

/// <summary>The shared info page (xen.h). Xen writes it at any time: every access must be volatile or interlocked.</summary>
[StructLayout(LayoutKind.Explicit, Size = 3136)]
internal unsafe struct shared_info
{
    /// <summary>XEN_LEGACY_MAX_VCPUS: the number of vCPUs whose vcpu_info lies here.</summary>
    public const int XEN_LEGACY_MAX_VCPUS = 32;

    /// <summary>vcpu_info[0], the boot processor's. 31 more follow.</summary>
    [FieldOffset(0)]
    public vcpu_info vcpu0;

    /// <summary>One bit per port: an event has arrived. Set by Xen, cleared by the guest.</summary>
    [FieldOffset(2048)]
    public fixed ulong evtchn_pending[64];

    /// <summary>One bit per port: its events do not raise the upcall. Written by the guest (and by EVTCHNOP_unmask).</summary>
    [FieldOffset(2560)]
    public fixed ulong evtchn_mask[64];

    /// <summary>Odd while Xen changes the wall clock.</summary>
    [FieldOffset(3072)]
    public uint wc_version;

    /// <summary>Unix time at system time 0: seconds, lower half.</summary>
    [FieldOffset(3076)]
    public uint wc_sec;

    /// <summary>Unix time at system time 0: nanoseconds.</summary>
    [FieldOffset(3080)]
    public uint wc_nsec;

    /// <summary>Unix time at system time 0: seconds, upper half.</summary>
    [FieldOffset(3084)]
    public uint wc_sec_hi;
}

/// <summary>A vCPU's part of the shared info page (xen.h).</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct vcpu_info
{
    /// <summary>Set by Xen when it raises the upcall, which stays asserted until the guest clears this.</summary>
    [FieldOffset(0)]
    public byte evtchn_upcall_pending;

    /// <summary>One bit per word of evtchn_pending in which events have arrived.</summary>
    [FieldOffset(8)]
    public ulong evtchn_pending_sel;

    [FieldOffset(32)]
    public vcpu_time_info time;
}

/// <summary>
/// The parameters that convert the time-stamp counter to system time (xen.h). They change with the rate and the processor.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct vcpu_time_info
{
    /// <summary>Odd while Xen changes the record; a different even number afterwards.</summary>
    [FieldOffset(0)]
    public uint version;

    /// <summary>The counter at the last change.</summary>
    [FieldOffset(8)]
    public ulong tsc_timestamp;

    /// <summary>System time at the last change, nanoseconds.</summary>
    [FieldOffset(16)]
    public ulong system_time;

    /// <summary>Nanoseconds per (shifted) count, times 2^32.</summary>
    [FieldOffset(24)]
    public uint tsc_to_system_mul;

    /// <summary>Left shift of the count before the multiplication; a right shift if negative.</summary>
    [FieldOffset(28)]
    public sbyte tsc_shift;

    [FieldOffset(29)]
    public byte flags;
}
