using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>The page that Xen and the domain share: event channels, clock records, wall clock.</summary>
internal static class SharedInfo
{
    /// <summary>Makes the page appear at a guest frame, best one without RAM. To be repeated after a resume.</summary>
    /// <returns>0 or a negative errno. The caller maps the frame as ordinary cached memory.</returns>
    public static long Map(ulong frame) => MemoryOp.AddToPhysmap(MemoryOp.XENMAPSPACE_shared_info, 0, frame);
}

/// <summary>The shared page (xen.h). Xen writes it at any time: every access is volatile or interlocked.</summary>
[StructLayout(LayoutKind.Explicit, Size = 3136)]
internal unsafe struct shared_info
{
    /// <summary>XEN_LEGACY_MAX_VCPUS: how many vCPUs have their vcpu_info here.</summary>
    public const int MaximumVcpus = 32;

    /// <summary>vcpu_info[0], the boot processor's; 31 more follow.</summary>
    [FieldOffset(0)]
    public vcpu_info vcpu0;

    /// <summary>One bit for each port: an event came. Set by Xen, cleared by the guest.</summary>
    [FieldOffset(2048)]
    public fixed ulong evtchn_pending[64];

    /// <summary>One bit for each port: events do not raise the upcall. Written by the guest (and by EVTCHNOP_unmask).</summary>
    [FieldOffset(2560)]
    public fixed ulong evtchn_mask[64];

    /// <summary>Odd while the wall clock changes.</summary>
    [FieldOffset(3072)]
    public uint wc_version;

    /// <summary>Unix time when system time was 0: seconds, lower half.</summary>
    [FieldOffset(3076)]
    public uint wc_sec;

    /// <summary>Unix time when system time was 0: nanoseconds.</summary>
    [FieldOffset(3080)]
    public uint wc_nsec;

    /// <summary>Unix time when system time was 0: seconds, upper half.</summary>
    [FieldOffset(3084)]
    public uint wc_sec_hi;
}

/// <summary>A vCPU's part of the shared page (xen.h).</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct vcpu_info
{
    /// <summary>Set by Xen when it raises the upcall, which stays asserted until the guest clears this.</summary>
    [FieldOffset(0)]
    public byte evtchn_upcall_pending;

    /// <summary>One bit for each word of evtchn_pending that has news.</summary>
    [FieldOffset(8)]
    public ulong evtchn_pending_sel;

    [FieldOffset(32)]
    public vcpu_time_info time;
}

/// <summary>How to get system time from the time-stamp counter (xen.h); it changes when the rate or the processor does.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct vcpu_time_info
{
    /// <summary>Odd while the record changes; a different even number when it has changed.</summary>
    [FieldOffset(0)]
    public uint version;

    /// <summary>The counter at the last change.</summary>
    [FieldOffset(8)]
    public ulong tsc_timestamp;

    /// <summary>System time at the last change, nanoseconds.</summary>
    [FieldOffset(16)]
    public ulong system_time;

    /// <summary>Nanoseconds for each (shifted) count, times 2^32.</summary>
    [FieldOffset(24)]
    public uint tsc_to_system_mul;

    /// <summary>Left shift of the count before it is multiplied; right when negative.</summary>
    [FieldOffset(28)]
    public sbyte tsc_shift;

    [FieldOffset(29)]
    public byte flags;
}
