using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>HYPERVISOR_sched_op: yields the processor, and ends the domain (sched.h).</summary>
internal static unsafe class SchedOp
{
    public const uint SCHEDOP_yield = 0;
    public const uint SCHEDOP_block = 1;
    public const uint SCHEDOP_shutdown = 2;
    public const uint SCHEDOP_poll = 3;

    /// <summary>SCHEDOP_yield: lets other vCPUs run first.</summary>
    public static long Yield() => Hypercall.Invoke(HypercallNumber.__HYPERVISOR_sched_op, SCHEDOP_yield);

    /// <summary>SCHEDOP_block: sleeps until an event arrives.</summary>
    /// <remarks>
    /// An HVM-type guest with interrupts off sleeps through an event that is already pending. The idle loop is therefore <c>sti; hlt</c>;
    /// this call is for code that runs with interrupts on.
    /// </remarks>
    public static long Block() => Hypercall.Invoke(HypercallNumber.__HYPERVISOR_sched_op, SCHEDOP_block);

    /// <summary>SCHEDOP_shutdown: stops all vCPUs. Returns only for <see cref="XenShutdown.Suspend"/> and on errors.</summary>
    public static long Shutdown(XenShutdown reason)
    {
        sched_shutdown argument = new() { reason = (uint)reason };
        return Hypercall.Invoke(HypercallNumber.__HYPERVISOR_sched_op, SCHEDOP_shutdown, (ulong)&argument);
    }

    /// <summary>SCHEDOP_poll: sleeps until one of the ports is pending, masked or not.</summary>
    /// <param name="ports">The ports. They must be present in memory.</param>
    /// <param name="count">Their number. Xen accepts up to 128.</param>
    /// <param name="timeout">Absolute system time in nanoseconds, or 0 for no timeout.</param>
    public static long Poll(uint* ports, uint count, ulong timeout)
    {
        sched_poll argument = new() { ports = ports, nr_ports = count, timeout = timeout };
        return Hypercall.Invoke(HypercallNumber.__HYPERVISOR_sched_op, SCHEDOP_poll, (ulong)&argument);
    }
}

/// <summary>Argument of SCHEDOP_shutdown (sched.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct sched_shutdown
{
    public uint reason;
}

/// <summary>Argument of SCHEDOP_poll (sched.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct sched_poll
{
    public uint* ports;
    public uint nr_ports;
    public ulong timeout;
}
