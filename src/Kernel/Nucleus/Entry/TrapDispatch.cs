using System.Runtime;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Ends;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>The entry stubs call this for exceptions and interrupts of the program.</summary>
internal static unsafe class TrapDispatch
{
    /// <summary>Handles a trap and returns the registers to resume.</summary>
    [RuntimeExport("xenlet_on_trap")]
    public static Frame* OnTrap(Frame* frame)
    {
        CallReturn.Complete(frame);
        int vector = RepeatedInjection.VectorOf(frame);
        if (vector < Vector.FirstInterrupt)
        {
            ProgramFault.Handle((Thread*)frame, vector);
        }
        else
        {
            Interrupts.Handle(vector);
        }

        return NucleusExit.Leave();
    }

    /// <summary>Handles a fault in the nucleus, a double fault or a machine check.</summary>
    [RuntimeExport("xenlet_on_nucleus_fault")]
    public static void OnNucleusFault(Frame* frame) => PanicReport.Fault(frame);
}
