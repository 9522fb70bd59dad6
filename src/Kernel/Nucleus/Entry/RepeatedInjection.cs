using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>
/// The way around a defect of QEMU's emulation of AMD's virtualisation: an interrupt that Xen injects stays noted as an exception that is
/// yet to be delivered (<c>target/i386/tcg/sysemu/svm_helper.c</c>, <c>helper_vmrun</c>, SVM_EVTINJ_TYPE_INTR), and is delivered once more
/// when another thread of QEMU interrupts the emulation before the next exception or exit. The second delivery comes with interrupts off
/// and overwrites the first one's frame on the exception stack, so nothing leads back to what was interrupted.
/// </summary>
/// <remarks>
/// What is noted is overwritten by any exception. So where QEMU runs Xen, the gate of the only interrupt that Xen injects is marked not
/// present: each delivery turns into #NP, whose error code names the gate (Intel SDM volume 3A, section 6.13), and #NP is delivered once.
/// </remarks>
internal static unsafe class RepeatedInjection
{
    // Error code of an exception that a gate of the interrupt descriptor table caused: the vector times eight and this bit, and perhaps the
    // lowest one.
    private const ulong CausedByGate = 1 << 1;
    private const ulong ExternalEvent = 1 << 0;
    private const ulong GateOfUpcall = Vector.EventChannelUpcall << 3 | CausedByGate;

    // QEMU multiplies by sixteen in long mode (seg_helper.c, do_interrupt64), at least up to version 7.2.
    private const ulong GateOfUpcallInQemu = Vector.EventChannelUpcall << 4 | CausedByGate;

    private const uint LastExtendedLeaf = 0x8000_0000;
    private const uint BrandLeaf = 0x8000_0002;

    /// <summary>"QEMU", with which the names of all processor models begin that QEMU does not name after a real one.</summary>
    private const uint Qemu = 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24;

    /// <summary>Whether the processor's name says that QEMU emulates it. Xen hands the name on to its guests.</summary>
    public static bool IsPossible
    {
        get
        {
            uint* registers = stackalloc uint[4];
            Machine.Cpuid(LastExtendedLeaf, 0, registers);
            if (registers[0] < BrandLeaf)
            {
                return false;
            }

            Machine.Cpuid(BrandLeaf, 0, registers);
            return registers[0] == Qemu;
        }
    }

    /// <summary>
    /// The vector that a frame stands for: of an interrupt whose gate is marked not present the interrupt's, else the frame's own.
    /// </summary>
    public static int VectorOf(Frame* frame) =>
        frame->Vector == Vector.SegmentNotPresent && (frame->ErrorCode & ~ExternalEvent) is (GateOfUpcall or GateOfUpcallInQemu)
            ? Vector.EventChannelUpcall
            : (int)frame->Vector;
}
