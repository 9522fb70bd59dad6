using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>
/// Xen, the tool stack and the other domains around a domain that can be suspended: what a new domain does not have any more reads as all
/// ones, as Xen answers for a guest frame without memory, until the guest has mapped it again.
/// </summary>
internal sealed unsafe class SimulatedDomain : IDisposable
{
    /// <summary>GNTTABOP_query_size's answer.</summary>
    public const uint MaximumGrantFrames = 2;

    public const uint StorePort = 1;

    private const ulong StoreFrame = 0xfeffc;

    private readonly byte* _shared = Page();
    private readonly byte* _store = Page();
    private readonly byte* _table = (byte*)NativeMemory.AlignedAlloc(MaximumGrantFrames * 4096, 4096);
    private readonly List<nint> _consoles = [];
    private readonly Dictionary<uint, uint> _ports = [];
    private uint _grantFrames;

    public SimulatedDomain()
    {
        Machine.CpuidLeaves[(0, 0)] = [0x10, 0x68747541, 0x444d4163, 0x69746e65];
        Machine.CpuidLeaves[(0x40000000, 0)] = [0x40000004, 0x566e6558, 0x65584d4d, 0x4d4d566e];
        Machine.CpuidLeaves[(0x40000001, 0)] = [0x0004_0011, 0, 0, 0];
        Machine.Hypervisor = Answer;
        Action<ulong>? invalidate = Machine.OnInvalidatePage;

        // The grant table is Xen's memory, not the simulated machine's RAM.
        Machine.OnInvalidatePage = address =>
        {
            if (address < (ulong)_table || address >= (ulong)_table + (MaximumGrantFrames * 4096))
            {
                invalidate?.Invoke(address);
            }
        };
        DirectMap.DevicePages[(MemoryMap.FirstFrameWithoutRam + 1) * 4096] = (nint)_table;
        DirectMap.DevicePages[StoreFrame * 4096] = (nint)_store;
        Begin(domainId: 42, consoleFrame: 0xfeffd, consolePort: 2);
        NativeMemory.Clear(_shared, 4096);
        SetClock(1, 0);
    }

    public shared_info* Shared => (shared_info*)_shared;

    public xencons_interface* Console => (xencons_interface*)_consoles[^1];

    public ulong ConsoleFrame { get; set; }

    public uint ConsolePort { get; set; }

    /// <summary>What SCHEDOP_shutdown with the reason "suspend" does and answers; mostly <see cref="Begin"/> and 0.</summary>
    public Func<long> OnSuspend { get; set; } = static () => 1;

    /// <summary>What happens while the guest sleeps in SCHEDOP_poll.</summary>
    public Action OnPoll { get; set; } = static () => { };

    /// <summary>What the other end of a port does when the guest signals it.</summary>
    public Action<uint> OnSend { get; set; } = static _ => { };

    /// <summary>The reason of the domain's final shutdown; null while it runs.</summary>
    public XenShutdown? End { get; private set; }

    /// <summary>The domain's UUID.</summary>
    public Guid Uuid { get; set; } = Guid.Parse("f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f");

    /// <summary>XENMEM_add_to_physmap's answer for the shared page.</summary>
    public long MapAnswer { get; set; }

    /// <summary>Every hypercall, with what matters of it.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>The time of the one-shot timer, in Xen's own time; null when it is not armed.</summary>
    public ulong? Timer { get; set; }

    /// <summary>HVM_PARAM_CALLBACK_IRQ, which a new domain does not have.</summary>
    public ulong Callback { get; private set; }

    /// <summary>The port of the timer's virtual interrupt; 0 for none.</summary>
    public uint TimerPort { get; private set; }

    /// <summary>Ports the guest signalled.</summary>
    public List<uint> Sent { get; } = [];

    /// <summary>
    /// The clocks of the host: system time at a count of the time-stamp counter, one nanosecond a count, and the date when it was 0.
    /// </summary>
    public (ulong SystemTime, ulong Counter, uint WallClock) Host { get; set; }

    public bool IsOpen(uint port) => _ports.ContainsKey(port);

    public bool UpcallIsRaised => Volatile.Read(ref Shared->vcpu0.evtchn_upcall_pending) != 0;

    /// <summary>Sets the host's clocks, where the shared page is there for Xen to write to.</summary>
    public void SetClock(ulong systemTime, ulong counter, uint wallClock = 1_700_000_000)
    {
        Host = (systemTime, counter, wallClock);
        WriteClock();
    }

    /// <summary>A domain, the first or one that takes over from another.</summary>
    public void Begin(uint domainId, ulong consoleFrame, uint consolePort)
    {
        Machine.CpuidLeaves[(0x40000004, 0)] = [1 << 4, 0, domainId, 0];
        Callback = 0;
        TimerPort = 0;
        Timer = null;
        _grantFrames = 0;
        _ports.Clear();
        _ports[StorePort] = EventChannelOp.EVTCHNSTAT_interdomain;
        _ports[consolePort] = EventChannelOp.EVTCHNSTAT_interdomain;
        NativeMemory.Fill(_shared, 4096, 0xff);
        NativeMemory.Fill(_table, MaximumGrantFrames * 4096, 0xff);
        if (_consoles.Count > 0)
        {
            NativeMemory.Fill((void*)_consoles[^1], 4096, 0xff);
        }

        (ConsoleFrame, ConsolePort) = (consoleFrame, consolePort);
        _consoles.Add((nint)Page());
        DirectMap.DevicePages[consoleFrame * 4096] = _consoles[^1];
    }

    /// <summary>evtchn_2l_set_pending().</summary>
    public void Signal(uint port)
    {
        Shared->evtchn_pending[port / 64] |= 1UL << (int)(port % 64);
        if ((Shared->evtchn_mask[port / 64] & (1UL << (int)(port % 64))) == 0)
        {
            Raise(port);
        }
    }

    /// <summary>Types at the console.</summary>
    public void Type(string text)
    {
        foreach (char letter in text)
        {
            Console->input[Console->in_prod++ % xencons_interface.InputSize] = (byte)letter;
        }

        Signal(ConsolePort);
    }

    /// <summary>Takes what was written to the console.</summary>
    public string TakeOutput()
    {
        string taken = "";
        for (; Console->out_cons != Console->out_prod; Console->out_cons++)
        {
            taken += (char)Console->output[Console->out_cons % xencons_interface.OutputSize];
        }

        return taken;
    }

    public void Dispose()
    {
        Machine.Reset();
        NativeMemory.AlignedFree(_shared);
        NativeMemory.AlignedFree(_store);
        NativeMemory.AlignedFree(_table);
        _consoles.ForEach(page => NativeMemory.AlignedFree((void*)page));
    }

    private static byte* Page()
    {
        byte* page = (byte*)NativeMemory.AlignedAlloc(4096, 4096);
        NativeMemory.Clear(page, 4096);
        return page;
    }

    private void WriteClock()
    {
        Shared->vcpu0.time = new vcpu_time_info
        {
            version = 2,
            tsc_timestamp = Host.Counter,
            system_time = Host.SystemTime,
            tsc_to_system_mul = 0x80000000,
            tsc_shift = 1,
        };
        (Shared->wc_version, Shared->wc_sec, Shared->wc_nsec, Shared->wc_sec_hi) = (2, Host.WallClock, 0, 0);
    }

    private void Raise(uint port)
    {
        Shared->vcpu0.evtchn_pending_sel |= 1UL << (int)(port / 64);
        Shared->vcpu0.evtchn_upcall_pending = 1;
    }

    private long Answer(HostHypercall call) => (call.Number, (uint)call.A1) switch
    {
        (HypercallNumber.__HYPERVISOR_xen_version, XenVersion.XENVER_guest_handle) => Name(ref HostHypercall.At<Guid>(call.A2)),
        (HypercallNumber.__HYPERVISOR_sched_op, SchedOp.SCHEDOP_shutdown) => Shutdown((XenShutdown)HostHypercall.At<uint>(call.A2)),
        (HypercallNumber.__HYPERVISOR_sched_op, SchedOp.SCHEDOP_poll) => Poll(),
        (HypercallNumber.__HYPERVISOR_memory_op, MemoryOp.XENMEM_add_to_physmap) => Map(ref HostHypercall.At<xen_add_to_physmap>(call.A2)),
        (HypercallNumber.__HYPERVISOR_hvm_op, HvmOp.HVMOP_get_param) => Get(ref HostHypercall.At<xen_hvm_param>(call.A2)),
        (HypercallNumber.__HYPERVISOR_hvm_op, HvmOp.HVMOP_set_param) => Set(ref HostHypercall.At<xen_hvm_param>(call.A2)),
        (HypercallNumber.__HYPERVISOR_vcpu_op, VcpuOp.VCPUOP_set_singleshot_timer) => Arm(HostHypercall.At<ulong>(call.A3)),
        (HypercallNumber.__HYPERVISOR_vcpu_op, VcpuOp.VCPUOP_stop_periodic_timer) => Log("stop the periodic timer"),
        (HypercallNumber.__HYPERVISOR_grant_table_op, GrantTableOp.GNTTABOP_get_version) =>
            Version(ref HostHypercall.At<gnttab_get_version>(call.A2)),
        (HypercallNumber.__HYPERVISOR_grant_table_op, GrantTableOp.GNTTABOP_query_size) =>
            Size(ref HostHypercall.At<gnttab_query_size>(call.A2)),
        (HypercallNumber.__HYPERVISOR_event_channel_op, EventChannelOp.EVTCHNOP_bind_virq) =>
            BindTimer(ref HostHypercall.At<evtchn_bind_virq>(call.A2)),
        (HypercallNumber.__HYPERVISOR_event_channel_op, EventChannelOp.EVTCHNOP_alloc_unbound) =>
            Open(ref HostHypercall.At<evtchn_alloc_unbound>(call.A2)),
        (HypercallNumber.__HYPERVISOR_event_channel_op, EventChannelOp.EVTCHNOP_status) =>
            Status(ref HostHypercall.At<evtchn_status>(call.A2)),
        (HypercallNumber.__HYPERVISOR_event_channel_op, EventChannelOp.EVTCHNOP_close) => Close(HostHypercall.At<uint>(call.A2)),
        (HypercallNumber.__HYPERVISOR_event_channel_op, EventChannelOp.EVTCHNOP_send) => Send(HostHypercall.At<uint>(call.A2)),
        (HypercallNumber.__HYPERVISOR_event_channel_op, EventChannelOp.EVTCHNOP_unmask) => Unmask(HostHypercall.At<uint>(call.A2)),
        _ => throw new InvalidOperationException($"hypercall {call.Number} {call.A1}"),
    };

    private long Log(string what)
    {
        Calls.Add(what);
        return 0;
    }

    private long Shutdown(XenShutdown reason)
    {
        if (reason != XenShutdown.Suspend)
        {
            End = reason;
            return Log("shut down");
        }

        Log("suspend");
        return OnSuspend();
    }

    /// <summary>Calls that are not logged, since they come at any time and have no place in an order.</summary>
    private long Name(ref Guid handle)
    {
        handle = Uuid;
        return 0;
    }

    private long Poll()
    {
        OnPoll();
        return Log("poll");
    }

    private long Map(ref xen_add_to_physmap map)
    {
        if (map.space == MemoryOp.XENMAPSPACE_grant_table)
        {
            Assert.Equal(((ulong)_grantFrames, MemoryMap.FirstFrameWithoutRam + 1 + _grantFrames), (map.idx, map.gpfn));
            byte* frame = _table + (4096 * _grantFrames++);
            NativeMemory.Clear(frame, 4096);
            return Log("map a frame of the grant table");
        }

        Assert.Equal((MemoryOp.XENMAPSPACE_shared_info, MemoryMap.FirstFrameWithoutRam), (map.space, map.gpfn));
        Log("map the shared page");
        if (MapAnswer == 0)
        {
            NativeMemory.Clear(_shared, 4096);
            WriteClock();
        }

        return MapAnswer;
    }

    private long Get(ref xen_hvm_param parameter)
    {
        parameter.value = parameter.index switch
        {
            HvmOp.HVM_PARAM_STORE_PFN => StoreFrame,
            HvmOp.HVM_PARAM_STORE_EVTCHN => StorePort,
            HvmOp.HVM_PARAM_CONSOLE_PFN => ConsoleFrame,
            HvmOp.HVM_PARAM_CONSOLE_EVTCHN => ConsolePort,
            _ => throw new InvalidOperationException($"parameter {parameter.index}"),
        };
        return Log($"get parameter {parameter.index}");
    }

    private long Set(ref xen_hvm_param parameter)
    {
        Assert.Equal(HvmOp.HVM_PARAM_CALLBACK_IRQ, parameter.index);
        Callback = parameter.value;
        return Log("set the callback vector");
    }

    private long Arm(ulong time)
    {
        Timer = time;
        return Log("arm the timer");
    }

    private long Version(ref gnttab_get_version version)
    {
        version.version = 1;
        return Log("ask for the grant table's version");
    }

    private long Size(ref gnttab_query_size size)
    {
        size.max_nr_frames = MaximumGrantFrames;
        return Log("ask for the grant table's size");
    }

    private long BindTimer(ref evtchn_bind_virq bind)
    {
        Assert.Equal(EventChannelOp.VIRQ_TIMER, bind.virq);
        TimerPort = bind.port = NewPort(EventChannelOp.EVTCHNSTAT_virq);
        return Log("bind the timer");
    }

    private long Open(ref evtchn_alloc_unbound open)
    {
        open.port = NewPort(EventChannelOp.EVTCHNSTAT_unbound);
        return Log("open a port");
    }

    private long Status(ref evtchn_status status)
    {
        status.status = _ports.GetValueOrDefault(status.port);
        return Log("ask for a port");
    }

    private long Close(uint port)
    {
        Assert.True(_ports.Remove(port));
        return Log("close a port");
    }

    private long Send(uint port)
    {
        Assert.Contains(port, _ports.Keys);
        Sent.Add(port);
        OnSend(port);
        return Log("signal a port");
    }

    private long Unmask(uint port)
    {
        Shared->evtchn_mask[port / 64] &= ~(1UL << (int)(port % 64));
        if ((Shared->evtchn_pending[port / 64] & (1UL << (int)(port % 64))) != 0)
        {
            Raise(port);
        }

        return Log("unmask a port");
    }

    private uint NewPort(uint status)
    {
        uint port = Enumerable.Range(3, 4093).Select(number => (uint)number).First(number => !_ports.ContainsKey(number));
        _ports[port] = status;
        return port;
    }
}
