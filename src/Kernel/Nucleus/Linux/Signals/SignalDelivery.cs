using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Time;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Nucleus.Linux.Signals;

/// <summary>
/// Linux signals, as far as a single process with threads needs them: the runtime turns hardware faults into exceptions with them, and the
/// collector stops threads with them. They are delivered only on the return to the program.
/// </summary>
internal static unsafe class SignalDelivery
{
    // The ABI lets a leaf function keep data in the 128 bytes below rsp.
    private const ulong RedZone = 128;

    // linux/signal.h: there is no alternate stack.
    private const int SS_DISABLE = 2;

    private const ulong Unblockable = 1UL << (SignalNumber.SIGKILL - 1) | 1UL << (SignalNumber.SIGSTOP - 1);

    /// <summary>The process id of the only process.</summary>
    public const int ProcessId = 1;

    private static Actions s_actions;
    private static ulong s_pendingForProcess;

    /// <summary>The action of a signal, 1 to 64.</summary>
    public static sigaction* Action(int signal) => (sigaction*)Unsafe.AsPointer(ref s_actions) + (signal - 1);

    /// <summary>Sends a signal to one thread.</summary>
    public static void SendToThread(Thread* thread, int signal)
    {
        thread->PendingSignals |= SignalNumber.Bit(signal);
        InterruptIfBlocked(thread);
    }

    /// <summary>Sends a signal to the process. Any thread that does not block it may take it.</summary>
    public static void SendToProcess(int signal)
    {
        if (signal == SignalNumber.SIGTERM && Action(signal)->sa_handler == SignalAction.SIG_DFL && Termination.TryHandOver())
        {
            // No thread's call has to end for an ignored signal.
            return;
        }

        s_pendingForProcess |= SignalNumber.Bit(signal);
        Thread* running = Scheduler.Current;
        if (running->Id != 0 && running->State == ThreadState.Ready && (running->SignalMask & SignalNumber.Bit(signal)) == 0)
        {
            // The current thread takes the signal on its return; no other thread's call has to end for it.
            return;
        }

        for (Thread* thread = ThreadTable.First; thread != null; thread = thread->NextInProcess)
        {
            if ((thread->SignalMask & SignalNumber.Bit(signal)) == 0)
            {
                InterruptIfBlocked(thread);
                return;
            }
        }
    }

    /// <summary>Whether a thread has a pending signal that it does not block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasDeliverable(Thread* thread) => ((thread->PendingSignals | s_pendingForProcess) & ~thread->SignalMask) != 0;

    /// <summary>Raises the signal of a hardware fault at once. The thread's frame must be that of the fault.</summary>
    public static void RaiseFault(Thread* thread, int signal, SignalInfo info)
    {
        sigaction* action = Action(signal);
        if (action->sa_handler is SignalAction.SIG_DFL or SignalAction.SIG_IGN || (thread->SignalMask & SignalNumber.Bit(signal)) != 0)
        {
            ProgramEnd.KilledByFault(thread, signal, info);
        }

        PushFrame(thread, signal, info, action);
    }

    /// <summary>Delivers pending signals that are not blocked: the thread continues in the handler.</summary>
    public static void DeliverPending(Thread* thread)
    {
        while (true)
        {
            ulong deliverable = (thread->PendingSignals | s_pendingForProcess) & ~thread->SignalMask;
            if (deliverable == 0)
            {
                return;
            }

            int signal = 1;
            while ((deliverable & SignalNumber.Bit(signal)) == 0)
            {
                signal++;
            }

            int code = (thread->PendingSignals & SignalNumber.Bit(signal)) != 0 ? SignalInfo.SI_TKILL : SignalInfo.SI_USER;
            thread->PendingSignals &= ~SignalNumber.Bit(signal);
            s_pendingForProcess &= ~SignalNumber.Bit(signal);
            sigaction* action = Action(signal);
            if (action->sa_handler == SignalAction.SIG_IGN || (action->sa_handler == SignalAction.SIG_DFL && IsIgnoredByDefault(signal)))
            {
                continue;
            }

            if (action->sa_handler == SignalAction.SIG_DFL)
            {
                if (signal == SignalNumber.SIGTERM && Termination.TryHandOver())
                {
                    continue;
                }

                ProgramEnd.KilledBySignal(signal);
            }

            // The runtime accepts an activation only from its own process.
            PushFrame(thread, signal, new SignalInfo { Code = code, Sender = ProcessId }, action);
        }
    }

    /// <summary>rt_sigreturn(2): loads the registers from the handler's frame, which the handler may have changed.</summary>
    public static void Return(Thread* thread)
    {
        // The handler's return has popped the frame's first field, the return address.
        ulong address = thread->Frame.Rsp - sizeof(ulong);
        if (ProgramMemory.PrepareRead(address, (ulong)sizeof(rt_sigframe)) < 0)
        {
            ProgramEnd.KilledByFault(thread, SignalNumber.SIGSEGV, new SignalInfo { Code = SignalInfo.SI_KERNEL, Address = address });
        }

        ucontext* interrupted = &((rt_sigframe*)address)->uc;
        sigcontext_64* context = &interrupted->uc_mcontext;
        Frame* registers = &thread->Frame;
        registers->R8 = context->r8;
        registers->R9 = context->r9;
        registers->R10 = context->r10;
        registers->R11 = context->r11;
        registers->R12 = context->r12;
        registers->R13 = context->r13;
        registers->R14 = context->r14;
        registers->R15 = context->r15;
        registers->Rdi = context->di;
        registers->Rsi = context->si;
        registers->Rbp = context->bp;
        registers->Rbx = context->bx;
        registers->Rdx = context->dx;
        registers->Rax = context->ax;
        registers->Rcx = context->cx;
        registers->Rsp = context->sp;
        registers->Rip = context->ip;
        registers->Rflags = (context->flags & Frame.ProgramFlags) | Frame.InitialFlags;

        // The frame no longer counts as a system call's: the program continues with all registers, including rcx and r11.
        registers->ErrorCode = 0;

        // IRETQ to a non-canonical address would fault inside the nucleus.
        if ((long)(registers->Rip << 16) >> 16 != (long)registers->Rip)
        {
            ProgramEnd.KilledByFault(
                thread, SignalNumber.SIGSEGV, new SignalInfo { Code = SignalInfo.SI_KERNEL, Address = registers->Rip });
        }

        thread->SignalMask = interrupted->uc_sigmask & ~Unblockable;
        FloatingPoint.Discard();
        ulong floatingPoint = context->fpstate;
        if (floatingPoint == 0)
        {
            registers->ResetFloatingPoint();
        }
        else if (ProgramMemory.PrepareRead(floatingPoint, 512) == 0)
        {
            Machine.Copy(registers->FloatingPoint, (void*)floatingPoint, 512);
            *(uint*)(registers->FloatingPoint + Frame.MxcsrOffset) &= Frame.MxcsrMask;
        }
        else
        {
            ProgramEnd.KilledByFault(
                thread, SignalNumber.SIGSEGV, new SignalInfo { Code = SignalInfo.SI_KERNEL, Address = floatingPoint });
        }
    }

    /// <summary>Sets a thread's mask. SIGKILL and SIGSTOP cannot be blocked.</summary>
    public static void SetMask(Thread* thread, ulong mask) => thread->SignalMask = mask & ~Unblockable;

    /// <summary>Ends the call of a blocked thread that has a signal to take.</summary>
    public static void InterruptIfBlocked(Thread* thread)
    {
        if (thread->State != ThreadState.Blocked || thread->End.IsUninterruptible || !HasDeliverable(thread) || IsDropped(thread))
        {
            return;
        }

        // As on Linux: a call with a time limit ends with EINTR; one without is restarted if the handler has SA_RESTART.
        ulong deliverable = (thread->PendingSignals | s_pendingForProcess) & ~thread->SignalMask;
        bool restart = thread->End.RestartsAfterSignal;
        for (int signal = 1; signal <= SignalNumber.Last; signal++)
        {
            if ((deliverable & SignalNumber.Bit(signal)) != 0 && (Action(signal)->sa_flags & SignalAction.SA_RESTART) == 0)
            {
                restart = false;
            }
        }

        if (restart)
        {
            // SYSCALL is two bytes long.
            thread->Frame.Rip -= 2;
            Scheduler.Wake(thread, (long)thread->Frame.Vector, urgent: false);
        }
        else
        {
            long error = TimeCalls.WriteRemaining(thread);
            Scheduler.Wake(thread, error != 0 ? error : thread->End.OnSignal, urgent: false);
        }
    }

    /// <summary>Whether all deliverable signals would be ignored. The thread then keeps sleeping.</summary>
    private static bool IsDropped(Thread* thread)
    {
        ulong deliverable = (thread->PendingSignals | s_pendingForProcess) & ~thread->SignalMask;
        for (int signal = 1; signal <= SignalNumber.Last; signal++)
        {
            ulong handler = Action(signal)->sa_handler;
            bool ignored = handler == SignalAction.SIG_IGN || (handler == SignalAction.SIG_DFL && IsIgnoredByDefault(signal));
            if ((deliverable & SignalNumber.Bit(signal)) != 0 && !ignored)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// As on Linux. Also ignored are signals that a key sends there to a foreground process, which somebody can start again or continue,
    /// but which would end a domain: the stopping signals, and SIGQUIT. .NET handles SIGQUIT whether or not the program does, and sends it
    /// again with its default action if the program did not ask for it.
    /// </summary>
    private static bool IsIgnoredByDefault(int signal) =>
        signal is SignalNumber.SIGCHLD or SignalNumber.SIGCONT or SignalNumber.SIGURG or SignalNumber.SIGWINCH or SignalNumber.SIGQUIT
            or SignalNumber.SIGSTOP or SignalNumber.SIGTSTP or SignalNumber.SIGTTIN or SignalNumber.SIGTTOU;

    /// <summary>
    /// Makes the thread continue in the handler. Ends the program if the stack has no room for the frame and cannot grow.
    /// </summary>
    private static void PushFrame(Thread* thread, int signal, SignalInfo info, sigaction* action)
    {
        CallParts.End(thread);
        Frame* registers = &thread->Frame;
        ulong floatingPoint = (registers->Rsp - RedZone - 512) & ~63UL;

        // The handler must start as if it had been called: rsp is 8 below a multiple of 16.
        ulong address = ((floatingPoint - (ulong)sizeof(rt_sigframe)) & ~15UL) - 8;
        long error = ProgramMemory.PrepareWrite(address, registers->Rsp - address);
        if (error == -Errno.ENOMEM)
        {
            ProgramEnd.OutOfMemory(thread, address);
        }
        else if (error < 0)
        {
            ProgramEnd.StackOverflow(thread, registers->Rsp);
        }

        FloatingPoint.Save();
        Machine.Copy((void*)floatingPoint, registers->FloatingPoint, 512);
        rt_sigframe* frame = (rt_sigframe*)address;
        Machine.Fill(frame, 0, (nuint)sizeof(rt_sigframe));
        frame->pretcode = action->sa_restorer;
        frame->uc.uc_stack.ss_flags = SS_DISABLE;
        frame->uc.uc_sigmask = thread->SignalMask;
        sigcontext_64* context = &frame->uc.uc_mcontext;
        context->r8 = registers->R8;
        context->r9 = registers->R9;
        context->r10 = registers->R10;
        context->r11 = registers->R11;
        context->r12 = registers->R12;
        context->r13 = registers->R13;
        context->r14 = registers->R14;
        context->r15 = registers->R15;
        context->di = registers->Rdi;
        context->si = registers->Rsi;
        context->bp = registers->Rbp;
        context->bx = registers->Rbx;
        context->dx = registers->Rdx;
        context->ax = registers->Rax;
        context->cx = registers->Rcx;
        context->sp = registers->Rsp;
        context->ip = registers->Rip;
        context->flags = registers->Rflags;
        context->cs = (ushort)Frame.CodeSelector;
        context->ss = (ushort)Frame.DataSelector;
        context->err = registers->ErrorCode;
        context->trapno = registers->Vector;
        context->cr2 = registers->Cr2;
        context->fpstate = floatingPoint;
        frame->info.si_signo = signal;
        frame->info.si_code = info.Code;
        frame->info.si_addr = info.Address;
        if (info.Sender != 0)
        {
            frame->info.si_pid = info.Sender;
        }

        ulong itself = (action->sa_flags & SignalAction.SA_NODEFER) != 0 ? 0 : SignalNumber.Bit(signal);
        SetMask(thread, thread->SignalMask | action->sa_mask | itself);
        registers->Rdi = (ulong)signal;
        registers->Rsi = (ulong)&frame->info;
        registers->Rdx = (ulong)&frame->uc;
        registers->Rax = 0;
        registers->Rsp = address;
        registers->Rip = action->sa_handler;
        registers->Rflags = Frame.InitialFlags;
        if ((action->sa_flags & SignalAction.SA_RESETHAND) != 0)
        {
            action->sa_handler = SignalAction.SIG_DFL;
        }
    }

    [InlineArray(SignalNumber.Last)]
    private struct Actions
    {
        private sigaction _first;
    }
}
