using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>HYPERVISOR_event_channel_op: creates, binds and signals event channels (event_channel.h).</summary>
internal static unsafe class EventChannelOp
{
    public const uint EVTCHNOP_bind_interdomain = 0;
    public const uint EVTCHNOP_bind_virq = 1;
    public const uint EVTCHNOP_close = 3;
    public const uint EVTCHNOP_send = 4;
    public const uint EVTCHNOP_status = 5;
    public const uint EVTCHNOP_alloc_unbound = 6;
    public const uint EVTCHNOP_bind_ipi = 7;
    public const uint EVTCHNOP_unmask = 9;

    /// <summary>The vCPU's timer, a per-vCPU virtual interrupt (xen.h).</summary>
    public const uint VIRQ_TIMER = 0;

    /// <summary>A debug key on the hypervisor's console, a per-vCPU virtual interrupt (xen.h).</summary>
    public const uint VIRQ_DEBUG = 1;

    public const uint EVTCHNSTAT_closed = 0;
    public const uint EVTCHNSTAT_unbound = 1;
    public const uint EVTCHNSTAT_interdomain = 2;
    public const uint EVTCHNSTAT_virq = 4;
    public const uint EVTCHNSTAT_ipi = 5;

    /// <summary>
    /// EVTCHNOP_alloc_unbound: a new port of this domain that <paramref name="remoteDomain"/> may bind to.
    /// </summary>
    public static long AllocateUnbound(ushort remoteDomain, out uint port)
    {
        evtchn_alloc_unbound argument = new() { dom = DomainId.DOMID_SELF, remote_dom = remoteDomain };
        long result = Invoke(EVTCHNOP_alloc_unbound, &argument);
        port = argument.port;
        return result;
    }

    /// <summary>EVTCHNOP_bind_interdomain: a new port of this domain, bound to a port that the other domain left unbound for it.</summary>
    /// <remarks>Xen sets the new port pending, in case the other end signalled before it was bound.</remarks>
    public static long BindInterdomain(ushort remoteDomain, uint remotePort, out uint localPort)
    {
        evtchn_bind_interdomain argument = new() { remote_dom = remoteDomain, remote_port = remotePort };
        long result = Invoke(EVTCHNOP_bind_interdomain, &argument);
        localPort = argument.local_port;
        return result;
    }

    /// <summary>EVTCHNOP_bind_virq: a new port that a vCPU's virtual interrupt signals.</summary>
    public static long BindVirq(uint virq, uint vcpu, out uint port)
    {
        evtchn_bind_virq argument = new() { virq = virq, vcpu = vcpu };
        long result = Invoke(EVTCHNOP_bind_virq, &argument);
        port = argument.port;
        return result;
    }

    /// <summary>
    /// EVTCHNOP_bind_ipi: a new port that signals <paramref name="vcpu"/> when this domain sends on it.
    /// </summary>
    public static long BindIpi(uint vcpu, out uint port)
    {
        evtchn_bind_ipi argument = new() { vcpu = vcpu };
        long result = Invoke(EVTCHNOP_bind_ipi, &argument);
        port = argument.port;
        return result;
    }

    /// <summary>EVTCHNOP_close: frees a port of this domain.</summary>
    public static long Close(uint port)
    {
        evtchn_port argument = new() { port = port };
        return Invoke(EVTCHNOP_close, &argument);
    }

    /// <summary>EVTCHNOP_send: signals the other end of a port of this domain.</summary>
    public static long Send(uint port)
    {
        evtchn_port argument = new() { port = port };
        return Invoke(EVTCHNOP_send, &argument);
    }

    /// <summary>EVTCHNOP_unmask: clears the mask bit, and raises the upcall if the port is pending. Acts on masked ports only.</summary>
    public static long Unmask(uint port)
    {
        evtchn_port argument = new() { port = port };
        return Invoke(EVTCHNOP_unmask, &argument);
    }

    /// <summary>EVTCHNOP_status: what a port of this domain is bound to.</summary>
    /// <param name="port">The port.</param>
    /// <param name="status">Receives the status. It must be present in memory, such as on the nucleus's stack.</param>
    public static long Status(uint port, evtchn_status* status)
    {
        *status = new evtchn_status { dom = DomainId.DOMID_SELF, port = port };
        return Invoke(EVTCHNOP_status, status);
    }

    private static long Invoke(uint operation, void* argument) =>
        Hypercall.Invoke(HypercallNumber.__HYPERVISOR_event_channel_op, operation, (ulong)argument);
}

/// <summary>Argument of EVTCHNOP_alloc_unbound (event_channel.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct evtchn_alloc_unbound
{
    public ushort dom;
    public ushort remote_dom;
    public uint port;
}

/// <summary>Argument of EVTCHNOP_bind_interdomain (event_channel.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct evtchn_bind_interdomain
{
    public ushort remote_dom;
    public uint remote_port;
    public uint local_port;
}

/// <summary>Argument of EVTCHNOP_bind_virq (event_channel.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct evtchn_bind_virq
{
    public uint virq;
    public uint vcpu;
    public uint port;
}

/// <summary>Argument of EVTCHNOP_bind_ipi (event_channel.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct evtchn_bind_ipi
{
    public uint vcpu;
    public uint port;
}

/// <summary>
/// Argument of EVTCHNOP_close, EVTCHNOP_send and EVTCHNOP_unmask: evtchn_close, evtchn_send, evtchn_unmask (event_channel.h).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct evtchn_port
{
    public uint port;
}

/// <summary>Argument of EVTCHNOP_status (event_channel.h).</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct evtchn_status
{
    [FieldOffset(0)]
    public ushort dom;

    [FieldOffset(4)]
    public uint port;

    /// <summary>EVTCHNSTAT_ value.</summary>
    [FieldOffset(8)]
    public uint status;

    /// <summary>The vCPU that the port notifies.</summary>
    [FieldOffset(12)]
    public uint vcpu;

    /// <summary>u.unbound.dom of an unbound port, u.interdomain.dom of a bound one.</summary>
    [FieldOffset(16)]
    public ushort remote_dom;

    /// <summary>u.interdomain.port of a bound port.</summary>
    [FieldOffset(20)]
    public uint remote_port;

    /// <summary>u.virq of a port bound to a virtual interrupt.</summary>
    [FieldOffset(16)]
    public uint virq;
}
