
namespace Xenlet.Kernel.Tests.Xen;

public sealed class HypercallTests : XenTest
{
    [Theory]
    [InlineData("GenuineIntel", HostInstruction.Vmcall)]
    [InlineData("CentaurHauls", HostInstruction.Vmcall)]
    [InlineData("  Shanghai  ", HostInstruction.Vmcall)]
    [InlineData("AuthenticAMD", HostInstruction.Vmmcall)]
    [InlineData("HygonGenuine", HostInstruction.Vmmcall)]
    internal void The_vendor_chooses_the_instruction(string vendor, HostInstruction instruction)
    {
        SetVendor(vendor);
        Hypercall.Initialise();

        Hypercall.Invoke(1);

        Assert.Equal(instruction, Assert.Single(Machine.Hypercalls).Instruction);
    }

    [Theory]
    [InlineData("GenuineTMx86", "GenuineTMx86")]
    [InlineData("authenticAMD", "authenticAMD")]
    [InlineData("GenuineInteL", "GenuineInteL")]
    [InlineData("Odd\0\u00ffVendor!", "Odd??Vendor!")]
    public void An_unknown_vendor_is_refused_by_name(string vendor, string shown)
    {
        SetVendor(vendor);

        PanicException panic = Assert.Throws<PanicException>(Hypercall.Initialise);

        Assert.Equal($"no hypercall instruction is known for CPU vendor \"{shown}\"", panic.Message);
        Assert.Throws<PanicException>(() => Hypercall.Invoke(1));
        Assert.Empty(Machine.Hypercalls);
    }

    [Fact]
    public void Number_and_arguments_arrive_in_their_places_and_the_result_comes_back()
    {
        Machine.Hypervisor = static _ => -0x123456789;

        long result = Hypercall.Invoke(34, 1, ulong.MaxValue, 3, 4, 5);

        HostHypercall call = Assert.Single(Machine.Hypercalls);
        Assert.Equal((34u, 1ul, ulong.MaxValue, 3ul, 4ul, 5ul), (call.Number, call.A1, call.A2, call.A3, call.A4, call.A5));
        Assert.Equal(-0x123456789, result);
    }

    [Fact]
    public void Hypercalls_are_counted_whatever_Xen_answers()
    {
        Machine.Hypervisor = static call => call.Number == 34 ? -Errno.EINVAL : 0;
        ulong before = Hypercall.Issued;

        Hypercall.Invoke(34);
        Hypercall.Invoke(12);

        Assert.Equal(2ul, Hypercall.Issued - before);
    }
}
