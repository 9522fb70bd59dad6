namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>The hypercalls that a PVH guest uses, under their names in xen.h.</summary>
internal static class HypercallNumber
{
    public const uint __HYPERVISOR_memory_op = 12;
    public const uint __HYPERVISOR_xen_version = 17;
    public const uint __HYPERVISOR_grant_table_op = 20;
    public const uint __HYPERVISOR_vcpu_op = 24;
    public const uint __HYPERVISOR_sched_op = 29;
    public const uint __HYPERVISOR_event_channel_op = 32;
    public const uint __HYPERVISOR_hvm_op = 34;
}
