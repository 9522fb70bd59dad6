using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>Handles exceptions that the program raises, by demand paging or a signal.</summary>
internal static unsafe class ProgramFault
{
    // Page-fault error code bits (AMD64 APM volume 2, section 8.4.2).
    private const ulong ErrorWrite = 2;
    private const ulong ErrorFetch = 16;

    // si_code values (asm-generic/siginfo.h).
    private const int SEGV_MAPERR = 1;
    private const int SEGV_ACCERR = 2;
    private const int FPE_INTDIV = 1;
    private const int FPE_FLTINV = 7;
    private const int ILL_ILLOPN = 2;
    private const int BUS_ADRALN = 1;
    private const int BUS_ADRERR = 2;
    private const int TRAP_BRKPT = 1;
    private const int TRAP_TRACE = 2;

    public static void Handle(Thread* thread, int vector)
    {
        switch (vector)
        {
            case Vector.PageFault:
                PageFault(thread);
                break;
            case Vector.DivideError:
                Raise(thread, SignalNumber.SIGFPE, FPE_INTDIV, thread->Frame.Rip);
                break;
            case Vector.FloatingPoint:
            case Vector.SimdFloatingPoint:
                Raise(thread, SignalNumber.SIGFPE, FPE_FLTINV, thread->Frame.Rip);
                break;
            case Vector.InvalidOpcode:
                Raise(thread, SignalNumber.SIGILL, ILL_ILLOPN, thread->Frame.Rip);
                break;
            case Vector.Breakpoint:
                Raise(thread, SignalNumber.SIGTRAP, TRAP_BRKPT, thread->Frame.Rip);
                break;
            case Vector.Debug:
                Raise(thread, SignalNumber.SIGTRAP, TRAP_TRACE, thread->Frame.Rip);
                break;
            case Vector.AlignmentCheck:
                Raise(thread, SignalNumber.SIGBUS, BUS_ADRALN, 0);
                break;
            default:
                // A non-canonical address or a privileged value. Linux reports these without an address.
                Raise(thread, SignalNumber.SIGSEGV, SignalInfo.SI_KERNEL, 0);
                break;
        }
    }

    private static void PageFault(Thread* thread)
    {
        ulong address = thread->Frame.Cr2;
        ulong error = thread->Frame.ErrorCode;
        TouchResult result = address < AddressSpace.MapEnd
            ? DemandPaging.Touch(address, (error & ErrorWrite) != 0, (error & ErrorFetch) != 0)
            : TouchResult.NotMapped;
        if (result == TouchResult.Ready)
        {
            return;
        }

        if (result == TouchResult.OutOfMemory)
        {
            ProgramEnd.OutOfMemory(thread, address);
        }

        if (result == TouchResult.NoFilePage)
        {
            Raise(thread, SignalNumber.SIGBUS, BUS_ADRERR, address);
            return;
        }

        if (ThreadStack.IsOverflow(thread, address))
        {
            ProgramEnd.StackOverflow(thread, address);
        }

        Raise(thread, SignalNumber.SIGSEGV, result == TouchResult.Denied ? SEGV_ACCERR : SEGV_MAPERR, address);
    }

    private static void Raise(Thread* thread, int signal, int code, ulong address) =>
        SignalDelivery.RaiseFault(thread, signal, new SignalInfo { Code = code, Address = address });
}
