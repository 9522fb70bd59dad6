using System.Runtime;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Ends;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>
/// <c>xl trigger GUEST nmi</c>: the administrator asks what the guest is doing. The report goes to port 0xE9, and the guest continues.
/// </summary>
/// <remarks>
/// It can arrive between any two instructions. The nucleus's lists must not be walked while it changes them, so one that arrives in the
/// nucleus is reported when the nucleus is left. If the nucleus has not been left when the next one arrives, it is stuck: that one is a
/// panic, which shows where.
/// </remarks>
internal static unsafe class NonMaskableInterrupt
{
    /// <summary>Called by the entry stub, on a stack of its own.</summary>
    /// <param name="frame">The registers of the interrupted code.</param>
    /// <param name="inNucleus">1 if the nucleus was running.</param>
    [RuntimeExport("xenlet_on_nmi")]
    public static void OnNmi(Frame* frame, ulong inNucleus)
    {
        if (inNucleus == 0)
        {
            StateReport.Write(frame, isOfCurrentThread: true);
        }
        else if (IsBehindTheCheck(frame->Rip))
        {
            // The check for a pending interrupt has passed; the nucleus only has registers left to load.
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

    /// <summary>Called when the nucleus is about to be left and has a pending non-maskable interrupt to report.</summary>
    /// <param name="frame">The registers of the interrupted code.</param>
    [RuntimeExport("xenlet_on_pending_nmi")]
    public static void OnPending(Frame* frame)
    {
        Image.Cpu->NmiPending = 0;
        StateReport.Write(frame, isOfCurrentThread: false);
    }
}
