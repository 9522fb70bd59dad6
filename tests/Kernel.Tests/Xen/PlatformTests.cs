
namespace Xenlet.Kernel.Tests.Xen;

public sealed class PlatformTests : XenTest
{
    [Theory]
    [InlineData(0x40000000)]
    [InlineData(0x40000100)]
    [InlineData(0x4000ff00)]
    public void Xen_is_found_at_any_base(uint first)
    {
        Machine.CpuidLeaves[(0x40000000, 0)] = [0x40000001, 0x7263694d, 0x666f736f, 0x76482074];
        AddXen(first, lastLeaf: first + 5);

        XenPlatform.Initialise();

        Assert.True(XenPlatform.IsPresent);
        Assert.Equal((first, 4u, 17u), (HypervisorCpuid.Base, HypervisorCpuid.MajorVersion, HypervisorCpuid.MinorVersion));
        Assert.True(HypervisorCpuid.HasDomainId);
        Assert.Equal((ushort)0x1234, HypervisorCpuid.DomainId);
        Assert.Equal(0x58u, HypervisorCpuid.HvmFeatures);
        Assert.Equal(2_500_000u, HypervisorCpuid.TscKilohertz);
    }

    [Theory]
    [InlineData(0x40010000, 0x566e6558, 0x65584d4d, 0x4d4d566e)]
    [InlineData(0x40000080, 0x566e6558, 0x65584d4d, 0x4d4d566e)]
    [InlineData(0x40000000, 0x54474354, 0x43544743, 0x47435447)]
    [InlineData(0x40000000, 0x566e6558, 0x65584d4d, 0x4d4d566f)]
    [InlineData(0x40000000, 0x566e6558, 0x65584d4e, 0x4d4d566e)]
    [InlineData(0x40000000, 0x566e6559, 0x65584d4d, 0x4d4d566e)]
    public void Another_hypervisor_is_not_Xen(uint leaf, uint ebx, uint ecx, uint edx)
    {
        AddXen(0x40000200, lastLeaf: 0x40000205);
        XenPlatform.Initialise();
        Machine.CpuidLeaves.Remove((0x40000200, 0));
        Machine.CpuidLeaves[(leaf, 0)] = [leaf + 5, ebx, ecx, edx];

        XenPlatform.Initialise();

        Assert.False(XenPlatform.IsPresent);
        Assert.Equal(0u, HypervisorCpuid.Base);
        Assert.False(HypervisorCpuid.HasDomainId);
    }

    [Theory]
    [InlineData(2, 0, false)]
    [InlineData(3, 2_500_000, false)]
    [InlineData(4, 2_500_000, true)]
    public void Leaves_beyond_the_last_one_are_not_believed(uint leaves, uint kilohertz, bool hasDomainId)
    {
        AddXen(0x40000000, lastLeaf: 0x40000000 + leaves);

        XenPlatform.Initialise();

        Assert.Equal(kilohertz, HypervisorCpuid.TscKilohertz);
        Assert.Equal(hasDomainId, HypervisorCpuid.HasDomainId);
    }

    [Theory]
    [InlineData(XenShutdown.PowerOff, 0)]
    [InlineData(XenShutdown.Reboot, 1)]
    [InlineData(XenShutdown.Suspend, 2)]
    [InlineData(XenShutdown.Crash, 3)]
    [InlineData(XenShutdown.Watchdog, 4)]
    [InlineData(XenShutdown.SoftReset, 5)]
    internal void Shutdown_gives_the_reason_and_halts_should_it_be_refused(XenShutdown reason, uint number)
    {
        AddXen(0x40000000, lastLeaf: 0x40000005);
        XenPlatform.Initialise();
        Machine.ArgumentLength = 4;
        Machine.Hypervisor = static _ => -1;

        Assert.Throws<MachineHaltedException>(() => XenPlatform.Shutdown(reason));

        HostHypercall call = Assert.Single(Machine.Hypercalls);
        Assert.Equal((29u, 2ul), (call.Number, call.A1));
        Assert.Equal(BitConverter.GetBytes(number), call.Argument);
        Assert.Equal("SCHEDOP_shutdown failed: EPERM (1), operation not permitted\n", KernelLog.Text);
    }

    [Fact]
    public void Without_Xen_shutdown_makes_no_hypercall()
    {
        XenPlatform.Initialise();

        Assert.Throws<MachineHaltedException>(() => XenPlatform.Shutdown(XenShutdown.PowerOff));

        Assert.Empty(Machine.Hypercalls);
        Assert.Equal("SCHEDOP_shutdown was requested without Xen\n", KernelLog.Text);
    }

    [Fact]
    public void Xen_on_an_unknown_processor_is_not_taken_for_present()
    {
        AddXen(0x40000000, lastLeaf: 0x40000005);
        SetVendor("VIA VIA VIA ");

        Assert.Throws<PanicException>(XenPlatform.Initialise);

        Assert.False(XenPlatform.IsPresent);
    }

    /// <summary>256 MiB are 65536 pages; an ordinary domain has the special pages and ACPI tables above that.</summary>
    [Theory]
    [InlineData(65536, 65536 + 8 + 4, false)]
    [InlineData(65536, 65536, false)]
    [InlineData(65536, 65535, true)]
    [InlineData(65536, 65536 - 256 + 8 + 4, true)]
    [InlineData(0x1_0000_0000, 0, true)]
    [InlineData(65536, -1, false)]
    public void A_domain_with_fewer_pages_than_its_map_is_populated_on_demand(ulong ramPages, long reservation, bool isShort)
    {
        Machine.Hypervisor = _ => reservation;

        PopulateOnDemand memory = PopulateOnDemand.Check(ramPages);

        Assert.Equal((ramPages, reservation, isShort), (memory.RamPages, memory.Reservation, memory.IsShort));
    }

    private static void AddXen(uint first, uint lastLeaf)
    {
        Machine.CpuidLeaves[(first, 0)] = [lastLeaf, 0x566e6558, 0x65584d4d, 0x4d4d566e];
        Machine.CpuidLeaves[(first + 1, 0)] = [(4 << 16) | 17, 0, 0, 0];
        Machine.CpuidLeaves[(first + 3, 0)] = [0, 0, 2_500_000, 0];
        Machine.CpuidLeaves[(first + 4, 0)] = [0x58, 0, 0x1234, 0];
    }
}
