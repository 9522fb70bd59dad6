using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>
/// Works around a defect in QEMU's emulation of AMD's virtualisation: an interrupt that Xen injects remains recorded as an exception yet to
/// be delivered (<c>target/i386/tcg/sysemu/svm_helper.c</c>, <c>helper_vmrun</c>, SVM_EVTINJ_TYPE_INTR), and is delivered again when
/// another thread of QEMU interrupts the emulation before the next exception or exit. The second delivery arrives with interrupts off and
/// overwrites the first one's frame on the exception stack, so the interrupted code is lost.
/// </summary>
/// <remarks>
/// Any exception overwrites the record. Where QEMU runs Xen, the gate of the only interrupt that Xen injects is therefore marked not
/// present: each delivery becomes #NP, whose error code names the gate (Intel SDM volume 3A, section 6.13), and #NP is delivered once.
/// </remarks>
internal static unsafe class RepeatedInjection
{
    // Error code of an exception caused by an IDT gate: the vector times eight plus this bit, and perhaps the lowest one.
    private const ulong CausedByGate = 1 << 1;
    private const ulong ExternalEvent = 1 << 0;
    private const ulong GateOfUpcall = Vector.EventChannelUpcall << 3 | CausedByGate;

    // QEMU multiplies by sixteen in long mode (seg_helper.c, do_interrupt64), at least up to version 7.2.
    private const ulong GateOfUpcallInQemu = Vector.EventChannelUpcall << 4 | CausedByGate;

    private const uint LastExtendedLeaf = 0x8000_0000;
    private const uint BrandLeaf = 0x8000_0002;

    /// <summary>"QEMU": the start of the names of all processor models that QEMU does not name after a real one.</summary>
    private const uint Qemu = 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24;

    /// <summary>Whether the processor's name says that QEMU emulates it. Xen passes the name on to its guests.</summary>
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
    /// The vector that a frame represents: the interrupt's, if its gate is marked not present; otherwise the frame's own.
    /// </summary>
    public static int VectorOf(Frame* frame) =>
        frame->Vector == Vector.SegmentNotPresent && (frame->ErrorCode & ~ExternalEvent) is (GateOfUpcall or GateOfUpcallInQemu)
            ? Vector.EventChannelUpcall
            : (int)frame->Vector;
}
