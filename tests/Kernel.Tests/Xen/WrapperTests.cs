
namespace Xenlet.Kernel.Tests.Xen;

/// <summary>Every wrapper against a hypervisor that records what it was given.</summary>
public sealed unsafe class WrapperTests : XenTest
{
    private const ulong Marker = 0x0011223344556677;

    /// <summary>
    /// What each wrapper passes. Pointer arguments that are recorded as structures are shown as "*"; the structure is hexadecimal, lowest
    /// address first, "__" for padding.
    /// </summary>
    internal sealed record Wrapper(string Name, Func<long> Call, uint Number, string Arguments, string Structure = "");

    private static readonly Wrapper[] Wrappers =
    [
        new("xen_version(version)", XenVersion.Version, 17, "0 0 0 0 0"),
        new("xen_version(extraversion)", () => XenVersion.ExtraVersion((byte*)Marker), 17, $"1 {Marker} 0 0 0"),
        new("xen_version(get_features)", () => XenVersion.GetFeatures(1, out _), 17, "6 * 0 0 0", "01000000 00000000"),
        new("memory_op(add_to_physmap)", () => MemoryOp.AddToPhysmap(1, 3, 0xfffff), 12, "7 * 0 0 0",
            "f07f 0000 01000000 0300000000000000 ffff0f0000000000"),
        new("memory_op(add_to_physmap) of shared_info", () => SharedInfo.Map(0xabcde), 12, "7 * 0 0 0",
            "f07f 0000 00000000 0000000000000000 debc0a0000000000"),
        new("memory_op(remove_from_physmap)", () => MemoryOp.RemoveFromPhysmap(0x123456789), 12, "15 * 0 0 0",
            "f07f ____________ 8967452301000000"),
        new("memory_op(current_reservation)", MemoryOp.CurrentReservation, 12, "3 * 0 0 0", "f07f"),
        new("memory_op(maximum_reservation)", MemoryOp.MaximumReservation, 12, "4 * 0 0 0", "f07f"),
        new("memory_op(memory_map)", () => MemoryOp.MemoryMap((e820entry*)Marker, 5, out _), 12, "9 * 0 0 0",
            "05000000 ________ 7766554433221100"),
        new("hvm_op(get_param)", () => HvmOp.GetParameter(17, out _), 34, "1 * 0 0 0", "f07f 0000 11000000 0000000000000000"),
        new("hvm_op(set_param)", () => HvmOp.SetParameter(2, Marker), 34, "0 * 0 0 0", "f07f 0000 02000000 7766554433221100"),
        new("hvm_op(set_param) of the callback", () => EventChannels.SetCallbackVector(0xf3), 34, "0 * 0 0 0",
            "f07f 0000 00000000 f300000000000002"),
        new("event_channel_op(alloc_unbound)", () => EventChannelOp.AllocateUnbound(0x0102, out _), 32, "6 * 0 0 0", "f07f 0201 00000000"),
        new("event_channel_op(bind_interdomain)", () => EventChannelOp.BindInterdomain(0x0102, 0x03040506, out _), 32, "0 * 0 0 0",
            "0201 ____ 06050403 00000000"),
        new("event_channel_op(bind_virq)", () => EventChannelOp.BindVirq(1, 2, out _), 32, "1 * 0 0 0", "01000000 02000000 00000000"),
        new("event_channel_op(bind_ipi)", () => EventChannelOp.BindIpi(2, out _), 32, "7 * 0 0 0", "02000000 00000000"),
        new("event_channel_op(close)", () => EventChannelOp.Close(0x123), 32, "3 * 0 0 0", "23010000"),
        new("event_channel_op(send)", () => EventChannelOp.Send(0x123), 32, "4 * 0 0 0", "23010000"),
        new("event_channel_op(unmask)", () => EventChannelOp.Unmask(0x123), 32, "9 * 0 0 0", "23010000"),
        new("event_channel_op(status)", Status, 32, "5 * 0 0 0", "f07f ____ 23010000 00000000 00000000 0000000000000000"),
        new("grant_table_op(query_size)", () => GrantTableOp.QuerySize(out _, out _, out _), 20, "6 * 1 0 0",
            "f07f ____ 00000000 00000000 0000 ____"),
        new("grant_table_op(set_version)", () => GrantTableOp.SetVersion(2, out _), 20, "8 * 1 0 0", "02000000"),
        new("grant_table_op(get_version)", () => GrantTableOp.GetVersion(out _), 20, "10 * 1 0 0", "f07f 0000 00000000"),
        new("grant_table_op(copy)", Copy, 20, "5 * 1 0 0",
            "0700000000000000 0100 1000 ________ 3412000000000000 f07f 2000 ________ 4000 0100 0000 ____"),
        new("grant_table_op(map_grant_ref)", Map, 20, "0 * 1 0 0",
            "0010000000000000 06000000 08000000 0300 0000 00000000 0000000000000000"),
        new("grant_table_op(unmap_grant_ref)", Unmap, 20, "1 * 1 0 0", "0010000000000000 0000000000000000 09000000 0000 ____"),
        new("sched_op(yield)", SchedOp.Yield, 29, "0 0 0 0 0"),
        new("sched_op(block)", SchedOp.Block, 29, "1 0 0 0 0"),
        new("sched_op(shutdown)", () => SchedOp.Shutdown(XenShutdown.Crash), 29, "2 * 0 0 0", "03000000"),
        new("sched_op(poll)", () => SchedOp.Poll((uint*)Marker, 2, 3), 29, "3 * 0 0 0",
            "7766554433221100 02000000 ________ 0300000000000000"),
        new("vcpu_op(up)", () => VcpuOp.Up(3), 24, "1 3 0 0 0"),
        new("vcpu_op(down)", () => VcpuOp.Down(3), 24, "2 3 0 0 0"),
        new("vcpu_op(is_up)", () => VcpuOp.IsUp(3), 24, "3 3 0 0 0"),
        new("vcpu_op(stop_periodic_timer)", () => VcpuOp.StopPeriodicTimer(3), 24, "7 3 0 0 0"),
        new("vcpu_op(set_singleshot_timer)", () => VcpuOp.SetSingleShotTimer(3, Marker, 1), 24, "8 3 * 0 0",
            "7766554433221100 01000000 ________"),
        new("vcpu_op(stop_singleshot_timer)", () => VcpuOp.StopSingleShotTimer(3), 24, "9 3 0 0 0"),
        new("vcpu_op(register_vcpu_info)", () => VcpuOp.RegisterVcpuInfo(3, 0x1234, 0x40), 24, "10 3 * 0 0",
            "3412000000000000 40000000 00000000"),
    ];

    public static TheoryData<string> Names => [.. Wrappers.Select(wrapper => wrapper.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_wrapper_passes_what_the_header_asks_for(string name)
    {
        Wrapper wrapper = Find(name);
        Machine.ArgumentLength = wrapper.Structure.Replace(" ", "", StringComparison.Ordinal).Length / 2;

        wrapper.Call();

        HostHypercall call = Assert.Single(Machine.Hypercalls);
        Assert.Equal(wrapper.Number, call.Number);
        ulong[] actual = [call.A1, call.A2, call.A3, call.A4, call.A5];
        string[] expected = wrapper.Arguments.Split(' ');
        Assert.Equal(
            expected, actual.Select((value, i) => expected[i] == "*" && value != 0 ? "*" : value.ToString((IFormatProvider?)null)));
        AssertBytes(wrapper.Structure, call.Argument);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_refusal_is_handed_on_as_the_named_error(string name)
    {
        Machine.Hypervisor = static _ => -13;

        Assert.Equal("EACCES", Text(XenError.Name(Find(name).Call())));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_positive_answer_is_handed_on(string name)
    {
        Machine.Hypervisor = static _ => 0x1_0000_0001;

        Assert.Equal(0x1_0000_0001, Find(name).Call());
    }

    [Fact]
    public void Answers_that_come_back_in_the_structure_are_returned()
    {
        Machine.Hypervisor = static call =>
        {
            HostHypercall.At<uint>(call.A2 + (call.Number, call.A1) switch
            {
                (17, 6) or (32, 6) or (32, 7) or (20, 10) => 4ul,
                (32, 0) or (32, 1) or (34, 1) => 8ul,
                _ => 0ul,
            }) = 77;
            return 0;
        };

        XenVersion.GetFeatures(0, out uint features);
        HvmOp.GetParameter(18, out ulong parameter);
        EventChannelOp.AllocateUnbound(1, out uint unbound);
        EventChannelOp.BindInterdomain(1, 2, out uint joined);
        EventChannelOp.BindVirq(0, 0, out uint virq);
        EventChannelOp.BindIpi(0, out uint ipi);
        GrantTableOp.SetVersion(1, out uint setVersion);
        GrantTableOp.GetVersion(out uint getVersion);

        Assert.All([features, parameter, unbound, joined, virq, ipi, setVersion, getVersion], value => Assert.Equal(77u, value));
    }

    [Fact]
    public void The_size_of_the_grant_table_and_the_status_are_returned()
    {
        Machine.Hypervisor = static call =>
        {
            HostHypercall.At<uint>(call.A2 + 4) = 4;
            HostHypercall.At<uint>(call.A2 + 8) = 64;
            HostHypercall.At<short>(call.A2 + 12) = -8;
            return 0;
        };

        GrantTableOp.QuerySize(out uint frames, out uint maximum, out GrantStatus status);

        Assert.Equal((4u, 64u, GrantStatus.GNTST_permission_denied), (frames, maximum, status));
    }

    [Fact]
    public void The_status_of_a_port_is_returned()
    {
        Machine.Hypervisor = static call =>
        {
            HostHypercall.At<uint>(call.A2 + 8) = EventChannelOp.EVTCHNSTAT_interdomain;
            HostHypercall.At<ushort>(call.A2 + 16) = 5;
            HostHypercall.At<uint>(call.A2 + 20) = 6;
            return 0;
        };
        evtchn_status status;

        EventChannelOp.Status(3, &status);

        Assert.Equal((2u, (ushort)5, 6u), (status.status, status.remote_dom, status.remote_port));
    }

    [Theory]
    [InlineData(0, 3, 3)]
    [InlineData(0, 5, 5)]
    [InlineData(0, 6, 5)]
    [InlineData(-14, 3, 0)]
    public void No_more_entries_of_the_memory_map_are_believed_than_there_is_room_for(long result, int answered, int expected)
    {
        e820entry* entries = stackalloc e820entry[5];
        Machine.Hypervisor = call =>
        {
            HostHypercall.At<int>(call.A2) = answered;
            return result;
        };

        MemoryOp.MemoryMap(entries, 5, out uint count);

        Assert.Equal((uint)expected, count);
    }

    private static Wrapper Find(string name) => Wrappers.Single(wrapper => wrapper.Name == name);

    private static long Status()
    {
        evtchn_status status;
        return EventChannelOp.Status(0x123, &status);
    }

    private static long Copy()
    {
        gnttab_copy copy = new()
        {
            source = new gnttab_copy_ptr { @ref = 7, domid = 1, offset = 0x10 },
            dest = new gnttab_copy_ptr { gmfn = 0x1234, domid = DomainId.DOMID_SELF, offset = 0x20 },
            len = 0x40,
            flags = GrantTableOp.GNTCOPY_source_gref,
        };
        return GrantTableOp.Copy(&copy, 1);
    }

    private static long Map()
    {
        gnttab_map_grant_ref map = new()
        {
            host_addr = 0x1000,
            flags = GrantTableOp.GNTMAP_host_map | GrantTableOp.GNTMAP_readonly,
            @ref = 8,
            dom = 3,
        };
        return GrantTableOp.Map(&map, 1);
    }

    private static long Unmap()
    {
        gnttab_unmap_grant_ref unmap = new() { host_addr = 0x1000, handle = 9 };
        return GrantTableOp.Unmap(&unmap, 1);
    }
}
