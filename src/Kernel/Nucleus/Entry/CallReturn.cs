using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>
/// The last two instructions of the short return from a system call, at which interrupts are on and rsp and rip are not yet the program's.
/// </summary>
internal static unsafe class CallReturn
{
    /// <summary>
    /// Changes a frame that was saved there to what it would be after these instructions, so that no other code has to know of them.
    /// Otherwise a signal's frame would go on the nucleus's stack.
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
