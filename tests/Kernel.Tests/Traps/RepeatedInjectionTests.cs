using System.Text;

namespace Xenlet.Kernel.Tests;

/// <summary>Interrupts whose gate is marked not present, since an emulator would deliver them twice.</summary>
public sealed unsafe class RepeatedInjectionTests : NucleusTest
{
    private const ulong ExternalEvent = 1, CausedByGate = 2;

    [Theory]
    [InlineData("QEMU Virtual CPU version 2.5+", true)]
    [InlineData("QEMU TCG CPU version 2.5+", true)]
    [InlineData("AMD EPYC Processor", false)]
    [InlineData("Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz", false)]
    public void It_is_possible_on_the_processors_of_QEMU(string name, bool expected)
    {
        byte[] text = Encoding.ASCII.GetBytes(name.PadRight(48, '\0'));
        Machine.CpuidLeaves[(0x8000_0000, 0)] = [0x8000_0004, 0, 0, 0];
        Machine.CpuidLeaves[(0x8000_0002, 0)] = [.. Enumerable.Range(0, 4).Select(i => BitConverter.ToUInt32(text, i * 4))];

        Assert.Equal(expected, RepeatedInjection.IsPossible);
    }

    [Fact]
    public void A_processor_without_a_name_is_not_QEMUs() => Assert.False(RepeatedInjection.IsPossible);

    [Theory]
    [InlineData(Vector.EventChannelUpcall * 8 | CausedByGate | ExternalEvent)] // as a processor has it
    [InlineData(Vector.EventChannelUpcall * 8 | CausedByGate)] // as QEMU has it
    [InlineData(Vector.EventChannelUpcall * 16 | CausedByGate)] // as QEMU 7.2 has it
    public void A_gate_marked_not_present_stands_for_its_interrupt(ulong errorCode)
    {
        Frame frame = new() { Vector = Vector.SegmentNotPresent, ErrorCode = errorCode };

        Assert.Equal(Vector.EventChannelUpcall, RepeatedInjection.VectorOf(&frame));
    }

    [Theory]
    [InlineData(Vector.SegmentNotPresent, 0)] // a selector of the program
    [InlineData(Vector.SegmentNotPresent, Vector.EventChannelUpcall << 3)] // a selector of that number
    [InlineData(Vector.SegmentNotPresent, 0x80 << 3 | CausedByGate)] // another gate
    [InlineData(Vector.GeneralProtection, Vector.EventChannelUpcall << 3 | CausedByGate)]
    [InlineData(Vector.EventChannelUpcall, 0)]
    [InlineData(Vector.ApicTimer, 0)]
    public void Every_other_trap_stands_for_itself(int vector, ulong errorCode)
    {
        Frame frame = new() { Vector = (ulong)vector, ErrorCode = errorCode };

        Assert.Equal(vector, RepeatedInjection.VectorOf(&frame));
    }
}
