using System.Runtime.InteropServices;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.SystemCalls;

/// <summary>The nucleus's own calls, made by a program in a domain of a simulated Xen.</summary>
public sealed unsafe class NucleusCallTests : NucleusTest, IDisposable
{
    private const uint TimerPort = 3;
    private const uint ConsolePort = 2;
    private const uint StorePort = 1;
    private const ulong StoreFrame = 0xfeffc;

    private readonly Xen.SimulatedXen _xen;
    private readonly Func<HostHypercall, long> _events;
    private readonly nint _console = (nint)NativeMemory.AlignedAlloc(4096, 4096);
    private readonly Dictionary<uint, (uint Status, ushort Domain)> _ports = new()
    {
        [StorePort] = (EventChannelOp.EVTCHNSTAT_interdomain, 0),
        [ConsolePort] = (EventChannelOp.EVTCHNSTAT_interdomain, 0),
    };

    private ulong _storeFrame = StoreFrame;

    public NucleusCallTests()
    {
        _xen = new Xen.SimulatedXen();
        _events = Machine.Hypervisor;
        StartXen();
    }

    public static TheoryData<int> XenCalls =>
        [.. Enumerable.Range(NucleusCall.WaitForEvent, NucleusCall.StorePort - NucleusCall.WaitForEvent + 1), NucleusCall.Suspend,
            NucleusCall.MapForeignPages, NucleusCall.UnmapForeignPages, NucleusCall.CopyForeignPages];

    public void Dispose()
    {
        _xen.Dispose();
        NativeMemory.AlignedFree((void*)_console);
    }

    [Theory]
    [MemberData(nameof(XenCalls))]
    public void Without_Xen_a_call_that_needs_it_says_so(int call)
    {
        Boot(DefaultFrames);
        Assert.Equal(-Errno.ENODEV, Call(call, 1, 2, 3));
        Assert.Empty(Machine.Hypercalls);
    }

    [Theory]
    [InlineData(NucleusCall.GrowSendQueue + 1)]
    [InlineData(int.MaxValue)]
    public void An_unknown_call_is_refused(int call) => Assert.Equal(-Errno.ENOSYS, Call(call));

    [Fact]
    public void A_port_is_silent_until_its_owner_asks_and_again_after_each_event()
    {
        uint port = Open();
        Assert.True(EventChannels.IsMasked(port));
        _xen.Signal(port);
        Assert.False(_xen.UpcallIsRaised);

        Assert.Equal(0, Call(NucleusCall.UnmaskPort, port));
        Assert.Equal(port, Call(NucleusCall.WaitForEvent));

        // However often the other end signals now, there is no interrupt.
        for (int i = 0; i < 100; i++)
        {
            _xen.Signal(port);
            Assert.False(_xen.UpcallIsRaised);
        }

        Assert.Equal(0, Call(NucleusCall.UnmaskPort, port));
        Assert.Equal(port, Call(NucleusCall.WaitForEvent));
    }

    [Fact]
    public void An_event_that_comes_while_the_nucleus_runs_needs_no_interrupt()
    {
        uint port = Open();
        Call(NucleusCall.UnmaskPort, port);
        Spawn();
        Thread* waiter = Park(NucleusCall.WaitForEvent);

        _xen.Signal(port);
        Assert.True(_xen.UpcallIsRaised);
        Frame* resumed = Enter(SystemCallNumber.Gettid);

        Assert.False(_xen.UpcallIsRaised);
        Assert.True(resumed == &waiter->Frame);
        Assert.Equal(port, resumed->Rax);
    }

    [Fact]
    public void A_thread_that_waits_gets_the_port_and_runs_first()
    {
        uint port = Open();
        Call(NucleusCall.UnmaskPort, port);
        Thread* other = Spawn();
        Thread* waiter = Park(NucleusCall.WaitForEvent);
        Assert.True(Current == other);

        _xen.Signal(port);
        Thread* resumed = Trap(Vector.EventChannelUpcall);

        Assert.True(resumed == waiter);
        Assert.Equal(port, waiter->Frame.Rax);
    }

    [Fact]
    public void A_second_thread_may_not_wait()
    {
        Spawn();
        Park(NucleusCall.WaitForEvent);
        Assert.Equal(-Errno.EAGAIN, Call(NucleusCall.WaitForEvent));
    }

    [Fact]
    public void A_busy_port_of_a_low_number_starves_no_other()
    {
        uint[] ports = [Open(), Open(), Open()];
        List<long> taken = [];
        foreach (uint port in ports)
        {
            Call(NucleusCall.UnmaskPort, port);
            _xen.Signal(port);
        }

        Upcall();
        for (int i = 0; i < 6; i++)
        {
            long port = Call(NucleusCall.WaitForEvent);
            taken.Add(port);
            Call(NucleusCall.UnmaskPort, (ulong)port);
            _xen.Signal((uint)port);
            Upcall();
        }

        Assert.Equal([.. ports, .. ports], taken.Select(port => (uint)port));
    }

    [Fact]
    public void An_event_of_a_closed_port_is_never_delivered()
    {
        uint port = Open();
        Call(NucleusCall.UnmaskPort, port);
        _xen.Signal(port);
        Upcall();

        Assert.Equal(0, Call(NucleusCall.ClosePort, port));

        Assert.True(EventChannels.IsMasked(port));
        Assert.DoesNotContain(port, _ports.Keys);
        Spawn();
        Park(NucleusCall.WaitForEvent);
        Assert.Equal(-Errno.EBADF, Call(NucleusCall.ClosePort, port));
    }

    [Theory]
    [InlineData(NucleusCall.ClosePort)]
    [InlineData(NucleusCall.UnmaskPort)]
    [InlineData(NucleusCall.NotifyPort)]
    public void No_call_touches_a_port_that_is_not_the_programs(int call)
    {
        foreach (ulong port in (ulong[])[0, StorePort, ConsolePort, TimerPort, 100, 4095, 4096, ulong.MaxValue])
        {
            int hypercalls = Machine.Hypercalls.Count;
            Assert.Equal(-Errno.EBADF, Call(call, port));
            Assert.Equal(hypercalls, Machine.Hypercalls.Count);
        }
    }

    [Theory]
    [InlineData(StorePort, StorePort)]
    [InlineData(ConsolePort, -Errno.EPERM)]
    [InlineData(TimerPort, -Errno.EPERM)]
    [InlineData(0u, -Errno.EINVAL)]
    [InlineData(99u, -Errno.EINVAL)]
    [InlineData(4096u, -Errno.EINVAL)]
    public void Only_a_port_that_the_tool_stack_bound_for_the_program_can_be_adopted(uint port, long expected)
    {
        Assert.Equal(expected, Call(NucleusCall.AdoptPort, port));
        if (expected > 0)
        {
            Assert.Equal(-Errno.EBUSY, Call(NucleusCall.AdoptPort, port));
            Assert.Equal(0, Call(NucleusCall.NotifyPort, port));
            Assert.Equal([port], _xen.Sent);
            Assert.Equal(0, Call(NucleusCall.ClosePort, port));
            Assert.Contains(port, _ports.Keys);
            Assert.Equal(port, Call(NucleusCall.AdoptPort, port));
        }
    }

    [Fact]
    public void A_page_is_the_programs_memory_until_it_is_released()
    {
        Assert.True(Call(NucleusCall.AllocatePage) > 0);
        ulong free = FrameAllocator.FreeFrames;
        ulong available = MemoryCharge.Available;
        ulong address = (ulong)Call(NucleusCall.AllocatePage);

        Assert.Equal(available - 1, MemoryCharge.Available);
        Assert.Equal(free - 1, FrameAllocator.FreeFrames);
        Assert.Equal(0, ProgramMemory.PrepareWrite(address, Pages.Size));
        Assert.All(Load(address, 4096), value => Assert.Equal(0, value));
        ulong entry = HostMemory.Translate(address);
        Assert.Equal(address - SharedPages.WindowStart, PageTable.FrameOf(entry) & (SharedPages.WindowSize - 1));
        Assert.NotEqual(0ul, entry & PageTable.NoExecute);

        Assert.Equal(0, Call(NucleusCall.ReleasePage, address));

        Assert.Equal((free, available), (FrameAllocator.FreeFrames, MemoryCharge.Available));
        Assert.Equal(-Errno.EFAULT, ProgramMemory.PrepareRead(address, 1));
        Assert.Equal(-Errno.EINVAL, Call(NucleusCall.ReleasePage, address));
        AssertFramesAccountedFor(out _);
    }

    [Fact]
    public void A_page_keeps_its_frame_whatever_the_program_advises()
    {
        ulong address = (ulong)Call(NucleusCall.AllocatePage);
        *(ulong*)address = 0x1234;
        ulong entry = HostMemory.Translate(address);

        Assert.Equal(0, Call(SystemCallNumber.Madvise, address, Pages.Size, 4));

        Assert.Equal(entry, HostMemory.Translate(address));
        Assert.Equal(0x1234ul, *(ulong*)address);
    }

    [Fact]
    public void Pages_end_where_memory_does_and_all_come_back()
    {
        ulong available = MemoryCharge.Available;
        List<ulong> pages = [];
        long answer;
        while ((answer = Call(NucleusCall.AllocatePage)) > 0)
        {
            pages.Add((ulong)answer);
        }

        Assert.Equal(-Errno.ENOMEM, answer);
        Assert.InRange((ulong)pages.Count, available - 8, available);
        pages.ForEach(page => Assert.Equal(0, Call(NucleusCall.ReleasePage, page)));
        Assert.InRange(MemoryCharge.Available, available - 8, available);
        Assert.Equal(0ul, SharedPages.Count);
        AssertFramesAccountedFor(out _);
    }

    /// <summary>The record of the window, the page, its page tables.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_page_for_which_anything_is_missing_is_refused_and_nothing_is_lost(ulong request)
    {
        ulong available = MemoryCharge.Available;
        FailNth.Arm(request, withStacks: true);

        Assert.Equal(-Errno.ENOMEM, Call(NucleusCall.AllocatePage));

        Assert.Equal(0ul, FailNth.Arm(0, withStacks: true));
        Assert.Equal(available - (request == 1 ? 0u : 1u), MemoryCharge.Available);
        Assert.True(Call(NucleusCall.AllocatePage) > 0);
        AssertFramesAccountedFor(out _);
    }

    [Theory]
    [InlineData(NucleusCall.ReleasePage)]
    [InlineData(NucleusCall.EndGrant)]
    public void What_is_no_page_or_grant_is_refused(int call)
    {
        ulong page = (ulong)Call(NucleusCall.AllocatePage);
        ulong ordinary = Allocate(1);
        foreach (ulong argument in (ulong[])[0, 1, ordinary, page + 1, page + Pages.Size, SharedPages.WindowStart,
            SharedPages.WindowStart + SharedPages.WindowSize, ulong.MaxValue])
        {
            Assert.Equal(-Errno.EINVAL, Call(call, argument));
        }
    }

    [Fact]
    public void Xenstores_page_cannot_be_granted_and_nothing_is_freed_with_it()
    {
        // Its frame is not in the simulated machine's RAM, so the program cannot read it here.
        Machine.OnInvalidatePage = null;
        ulong free = FrameAllocator.FreeFrames;
        ulong address = (ulong)Call(NucleusCall.MapStorePage);
        Assert.Equal(SharedPages.WindowStart + (StoreFrame * Pages.Size), address);
        Assert.Equal(-Errno.EBUSY, Call(NucleusCall.MapStorePage));
        Assert.Equal(-Errno.EPERM, Call(NucleusCall.GrantPage, 0, address, 0));
        Assert.Equal(StorePort, Call(NucleusCall.StorePort));

        ulong tables = free - FrameAllocator.FreeFrames;
        Assert.Equal(0, Call(NucleusCall.ReleasePage, address));
        Assert.InRange(FrameAllocator.FreeFrames, free - tables, free);
        Assert.Equal((long)address, Call(NucleusCall.MapStorePage));
    }

    [Theory]
    [InlineData(0ul, -Errno.ENOENT)]
    [InlineData(ulong.MaxValue, -Errno.ENOENT)]
    [InlineData(HostMemory.Base / 4096, -Errno.EPERM)]
    public void A_domain_without_xenstore_is_told_so_and_RAM_is_no_ring(ulong frame, long expected)
    {
        _storeFrame = frame;
        Assert.Equal(expected, Call(NucleusCall.MapStorePage));
    }

    [Theory]
    [InlineData(NucleusCall.ReadHypervisorFacts)]
    [InlineData(NucleusCall.ReadStatistics)]
    public void A_pointer_that_is_not_the_programs_is_refused(int call)
    {
        foreach (ulong address in (ulong[])[0, 0xfff0, ImageEnd, HostMemory.Base + 0x8000_0000_0000, ulong.MaxValue - 8])
        {
            Assert.Equal(-Errno.EFAULT, Call(call, address));
        }
    }

    [Fact]
    public void The_hypervisors_facts_are_read()
    {
        ulong address = Allocate(1);
        Assert.Equal(0, Call(NucleusCall.ReadHypervisorFacts, address));
        HypervisorFacts* facts = (HypervisorFacts*)address;
        Assert.Equal((1u, 0x0004_0011u, 0x1234u, 42u), (facts->IsPresent, facts->Version, facts->Features, facts->DomainId));
        Assert.Equal(".7\0"u8, new ReadOnlySpan<byte>(facts->ExtraVersion, 3));
    }

    [Fact]
    public void Statistics_count()
    {
        ulong address = Allocate(1);
        Call(NucleusCall.AllocatePage);
        Assert.Equal(0, Call(NucleusCall.ReadStatistics, address));
        NucleusStatistics before = *(NucleusStatistics*)address;
        Call(NucleusCall.AllocatePage);
        Spawn();
        Call(NucleusCall.ReadStatistics, address);
        NucleusStatistics after = *(NucleusStatistics*)address;
        Assert.Equal((1ul, 2ul), (before.SharedPages, after.SharedPages));
        Assert.Equal((1ul, 2ul), (before.Threads, after.Threads));
        Assert.Equal(3ul, after.SystemCalls - before.SystemCalls);
        Assert.Equal((Hypercall.Issued, EventChannels.Sent, EventChannels.Upcalls), (after.Hypercalls, after.Notifications, after.Upcalls));
        Assert.True(after.FreePages < before.FreePages);
        Assert.Equal(DefaultFrames, after.TotalPages);
    }

    [Theory]
    [InlineData((uint)XenShutdown.Suspend)]
    [InlineData((uint)XenShutdown.Watchdog)]
    [InlineData(77u)]
    public void A_guest_does_not_end_for_another_reason_than_power_off_reboot_or_crash(uint reason) =>
        Assert.Equal(-Errno.EINVAL, Call(NucleusCall.Shutdown, reason));

    [Theory]
    [InlineData((uint)XenShutdown.PowerOff)]
    [InlineData((uint)XenShutdown.Reboot)]
    [InlineData((uint)XenShutdown.Crash)]
    public void A_guest_ends_with_the_reason_it_gives(uint reason)
    {
        Assert.Throws<MachineHaltedException>(() => Call(NucleusCall.Shutdown, reason));
        HostHypercall last = Machine.Hypercalls[^1];
        Assert.Equal((HypercallNumber.__HYPERVISOR_sched_op, (ulong)SchedOp.SCHEDOP_shutdown), (last.Number, last.A1));
        Assert.Equal(reason, BitConverter.ToUInt32(last.Argument));
    }

    private static uint Open()
    {
        long port = Call(NucleusCall.AllocateUnboundPort, 0);
        Assert.True(port > 0, $"{port}");
        return (uint)port;
    }

    private void Upcall()
    {
        if (_xen.UpcallIsRaised)
        {
            Trap(Vector.EventChannelUpcall);
        }
    }

    /// <summary>Puts Xen below the nucleus, as far as its calls use it: events, clock, console without output.</summary>
    private void StartXen()
    {
        Machine.ArgumentLength = 4;
        Machine.CpuidLeaves[(0, 0)] = [0x10, 0x68747541, 0x444d4163, 0x69746e65];
        Machine.CpuidLeaves[(0x40000000, 0)] = [0x40000004, 0x566e6558, 0x65584d4d, 0x4d4d566e];
        Machine.CpuidLeaves[(0x40000001, 0)] = [0x0004_0011, 0, 0, 0];
        Machine.CpuidLeaves[(0x40000004, 0)] = [1 << 4, 0, 42, 0];
        Machine.Hypervisor = Answer;
        EventChannels.Initialise(_xen.Shared);
        PvClock.Initialise(_xen.Shared);
        XenPlatform.Initialise();
        Assert.True(XenPlatform.IsPresent);
        XenTimer.Initialise();
        NativeMemory.Clear((void*)_console, 4096);
        Assert.True(PvConsole.TryLocate(out _, out uint port));
        PvConsole.Attach((void*)_console, port);
        Machine.Hypercalls.Clear();
    }

    private long Answer(HostHypercall call)
    {
        switch (call.Number)
        {
            case HypercallNumber.__HYPERVISOR_vcpu_op:
            case HypercallNumber.__HYPERVISOR_sched_op:
                return 0;
            case HypercallNumber.__HYPERVISOR_hvm_op:
                ref xen_hvm_param parameter = ref HostHypercall.At<xen_hvm_param>(call.A2);
                parameter.value = parameter.index switch
                {
                    HvmOp.HVM_PARAM_STORE_PFN => _storeFrame,
                    HvmOp.HVM_PARAM_STORE_EVTCHN => StorePort,
                    HvmOp.HVM_PARAM_CONSOLE_PFN => 0xfeffd,
                    HvmOp.HVM_PARAM_CONSOLE_EVTCHN => ConsolePort,
                    _ => 0,
                };
                return 0;
            case HypercallNumber.__HYPERVISOR_grant_table_op:
                if (call.A1 == GrantTableOp.GNTTABOP_query_size)
                {
                    HostHypercall.At<gnttab_query_size>(call.A2).max_nr_frames = 1;
                    return 0;
                }

                return -Errno.ENOSYS;
            case HypercallNumber.__HYPERVISOR_xen_version:
                return Version(call);
            case HypercallNumber.__HYPERVISOR_event_channel_op:
                return Events(call);
            default:
                Assert.Fail($"hypercall {call.Number} {call.A1}");
                return 0;
        }
    }

    private static long Version(HostHypercall call)
    {
        switch (call.A1)
        {
            case XenVersion.XENVER_version:
                return 0x0004_0011;
            case XenVersion.XENVER_extraversion:
                ".7\0"u8.CopyTo(new Span<byte>((void*)call.A2, 16));
                return 0;
            default:
                HostHypercall.At<xen_feature_info>(call.A2).submap = 0x1234;
                return 0;
        }
    }

    private long Events(HostHypercall call)
    {
        switch ((uint)call.A1)
        {
            case EventChannelOp.EVTCHNOP_alloc_unbound:
                ref evtchn_alloc_unbound open = ref HostHypercall.At<evtchn_alloc_unbound>(call.A2);
                open.port = (uint)Enumerable.Range(4, 4092).First(port => !_ports.ContainsKey((uint)port));
                _ports[open.port] = (EventChannelOp.EVTCHNSTAT_unbound, open.remote_dom);
                return 0;
            case EventChannelOp.EVTCHNOP_bind_virq:
                HostHypercall.At<evtchn_bind_virq>(call.A2).port = TimerPort;
                _ports[TimerPort] = (EventChannelOp.EVTCHNSTAT_virq, 0);
                return 0;
            case EventChannelOp.EVTCHNOP_close:
                Assert.True(_ports.Remove(HostHypercall.At<uint>(call.A2)));
                return 0;
            case EventChannelOp.EVTCHNOP_status:
                ref evtchn_status status = ref HostHypercall.At<evtchn_status>(call.A2);
                (status.status, status.remote_dom) = _ports.GetValueOrDefault(status.port);
                return 0;
            default:
                return _events(call);
        }
    }
}
