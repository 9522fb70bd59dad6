using System.Runtime;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Ends;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>
/// <c>xl trigger GUEST nmi</c>: the administrator asks what the guest is doing. It is written to port 0xE9, and the guest goes on.
/// </summary>
/// <remarks>
/// It can come between any two instructions. While the nucleus changes its lists they are not to be walked, so one that hits the nucleus is
/// reported when the nucleus is left. A nucleus that has not been left when the next one comes is stuck: that one is a panic, which says
/// where.
/// </remarks>
internal static unsafe class NonMaskableInterrupt
{
    /// <summary>Where the entry stub arrives, on a stack of its own.</summary>
    /// <param name="frame">The registers of what was hit.</param>
    /// <param name="inNucleus">1 when the nucleus was running.</param>
    [RuntimeExport("xenlet_on_nmi")]
    public static void OnNmi(Frame* frame, ulong inNucleus)
    {
        if (inNucleus == 0)
        {
            StateReport.Write(frame, isOfCurrentThread: true);
        }
        else if (IsBehindTheCheck(frame->Rip))
        {
            // The check for one that is pending has been passed; all that is left of the nucleus's work is to load registers.
            StateReport.Write(frame, isOfCurrentThread: false);
        }
        else if (Image.Cpu->NmiPending == 0)
        {
            Image.Cpu->NmiPending = 1;
        }
        else
        {
            PanicReport.Fault(frame);
        }
    }

    private static bool IsBehindTheCheck(ulong address) =>
        (address >= Image.ResumeChecked && address <= Image.ResumeReturn)
        || (address >= Image.CallReturnChecked && address < Image.CallReturnStack);

    /// <summary>The nucleus is about to be left, and one that hit it is not yet reported.</summary>
    /// <param name="frame">The registers of what was hit.</param>
    [RuntimeExport("xenlet_on_pending_nmi")]
    public static void OnPending(Frame* frame)
    {
        Image.Cpu->NmiPending = 0;
        StateReport.Write(frame, isOfCurrentThread: false);
    }
}
