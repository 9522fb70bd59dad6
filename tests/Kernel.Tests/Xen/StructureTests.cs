namespace Xenlet.Kernel.Tests.Xen;

public sealed class StructureTests
{
    /// <summary>Sizes and offsets as a C compiler gives them for Xen's public headers on x86-64.</summary>
    [Theory]
    [InlineData("xen_add_to_physmap", 24, "domid@0 size@2 space@4 idx@8 gpfn@16")]
    [InlineData("xen_remove_from_physmap", 16, "domid@0 gpfn@8")]
    [InlineData("xen_memory_domain", 2, "domid@0")]
    [InlineData("xen_memory_map", 16, "nr_entries@0 buffer@8")]
    [InlineData("e820entry", 20, "addr@0 size@8 type@16")]
    [InlineData("xen_hvm_param", 16, "domid@0 index@4 value@8")]
    [InlineData("evtchn_alloc_unbound", 8, "dom@0 remote_dom@2 port@4")]
    [InlineData("evtchn_bind_interdomain", 12, "remote_dom@0 remote_port@4 local_port@8")]
    [InlineData("evtchn_bind_virq", 12, "virq@0 vcpu@4 port@8")]
    [InlineData("evtchn_bind_ipi", 8, "vcpu@0 port@4")]
    [InlineData("evtchn_port", 4, "port@0")]
    [InlineData("evtchn_status", 24, "dom@0 port@4 status@8 vcpu@12 remote_dom@16 virq@16 remote_port@20")]
    [InlineData("gnttab_query_size", 16, "dom@0 nr_frames@4 max_nr_frames@8 status@12")]
    [InlineData("gnttab_set_version", 4, "version@0")]
    [InlineData("gnttab_get_version", 8, "dom@0 version@4")]
    [InlineData("gnttab_copy_ptr", 16, "ref@0 gmfn@0 domid@8 offset@10")]
    [InlineData("gnttab_copy", 40, "source@0 dest@16 len@32 flags@34 status@36")]
    [InlineData("gnttab_map_grant_ref", 32, "host_addr@0 flags@8 ref@12 dom@16 status@18 handle@20 dev_bus_addr@24")]
    [InlineData("gnttab_unmap_grant_ref", 24, "host_addr@0 dev_bus_addr@8 handle@16 status@20")]
    [InlineData("sched_shutdown", 4, "reason@0")]
    [InlineData("sched_poll", 24, "ports@0 nr_ports@8 timeout@16")]
    [InlineData("vcpu_register_vcpu_info", 16, "mfn@0 offset@8 rsvd@12")]
    [InlineData("vcpu_set_singleshot_timer", 16, "timeout_abs_ns@0 flags@8")]
    [InlineData("xen_feature_info", 8, "submap_idx@0 submap@4")]
    [InlineData(
        "shared_info", 3136, "vcpu0@0 evtchn_pending@2048 evtchn_mask@2560 wc_version@3072 wc_sec@3076 wc_nsec@3080 wc_sec_hi@3084")]
    [InlineData("vcpu_info", 64, "evtchn_upcall_pending@0 evtchn_pending_sel@8 time@32")]
    [InlineData("vcpu_time_info", 32, "version@0 tsc_timestamp@8 system_time@16 tsc_to_system_mul@24 tsc_shift@28 flags@29")]
    [InlineData("xencons_interface", 3092, "input@0 output@1024 in_cons@3072 in_prod@3076 out_cons@3080 out_prod@3084 connection@3088")]
    public void A_structure_lies_in_memory_as_the_header_says(string name, int size, string offsets) =>
        HeaderStructure.AssertLayout(name, size, offsets);
}
