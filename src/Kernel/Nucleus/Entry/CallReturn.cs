using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>
/// The last two instructions of the short way back from a system call, at which interrupts are open and rsp and rip are not yet the
/// program's.
/// </summary>
internal static unsafe class CallReturn
{
    /// <summary>
    /// Makes a frame that was saved there the one that it would have been an instruction later: nobody else has to know of them. A signal
    /// would be put on the nucleus's stack otherwise.
    /// </summary>
    public static void Complete(Frame* frame)
    {
        if (frame->Rip >= Image.CallReturnStack && frame->Rip <= Image.CallReturnJump)
        {
            frame->Rip = frame->Rcx;
            frame->Rsp = frame->R11;
        }
    }
}
