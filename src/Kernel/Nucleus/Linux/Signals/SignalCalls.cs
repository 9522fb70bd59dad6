using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Signals;

/// <summary>rt_sigaction, rt_sigprocmask, kill and similar calls.</summary>
internal static unsafe class SignalCalls
{
    private const int SIG_BLOCK = 0;
    private const int SIG_UNBLOCK = 1;
    private const int SIG_SETMASK = 2;
    private const ulong SignalSetSize = 8;

    public static long SetAction(int signal, ulong newAction, ulong oldAction, ulong setSize)
    {
        bool changesFixed = newAction != 0 && signal is SignalNumber.SIGKILL or SignalNumber.SIGSTOP;
        if (signal < 1 || signal > SignalNumber.Last || setSize != SignalSetSize || changesFixed)
        {
            return -Errno.EINVAL;
        }

        ulong size = (ulong)sizeof(sigaction);
        long error = newAction != 0 ? ProgramMemory.PrepareRead(newAction, size) : 0;
        if (error == 0 && oldAction != 0)
        {
            error = ProgramMemory.PrepareWrite(oldAction, size);
        }

        if (error < 0)
        {
            return error;
        }

        sigaction previous = *SignalDelivery.Action(signal);
        if (newAction != 0)
        {
            *SignalDelivery.Action(signal) = *(sigaction*)newAction;
        }

        if (oldAction != 0)
        {
            *(sigaction*)oldAction = previous;
        }

        return 0;
    }

    public static long ChangeMask(Thread* thread, int how, ulong newSet, ulong oldSet, ulong setSize)
    {
        if (setSize != SignalSetSize)
        {
            return -Errno.EINVAL;
        }

        long error = newSet != 0 ? ProgramMemory.PrepareRead(newSet, 8) : 0;
        if (error == 0 && oldSet != 0)
        {
            error = ProgramMemory.PrepareWrite(oldSet, 8);
        }

        if (error < 0)
        {
            return error;
        }

        ulong previous = thread->SignalMask;
        if (newSet != 0)
        {
            ulong set = *(ulong*)newSet;
            switch (how)
            {
                case SIG_BLOCK:
                    SignalDelivery.SetMask(thread, previous | set);
                    break;
                case SIG_UNBLOCK:
                    SignalDelivery.SetMask(thread, previous & ~set);
                    break;
                case SIG_SETMASK:
                    SignalDelivery.SetMask(thread, set);
                    break;
                default:
                    return -Errno.EINVAL;
            }
        }

        if (oldSet != 0)
        {
            *(ulong*)oldSet = previous;
        }

        return 0;
    }

    public static long SendToThread(int id, int signal)
    {
        if (signal < 0 || signal > SignalNumber.Last)
        {
            return -Errno.EINVAL;
        }

        Thread* target = ThreadTable.Find(id);
        if (target == null)
        {
            return -Errno.ESRCH;
        }

        if (signal != 0)
        {
            SignalDelivery.SendToThread(target, signal);
        }

        return 0;
    }

    /// <summary>There is one process, number 1. 0 means the caller's process group, which is the same.</summary>
    public static long SendToProcess(int process, int signal)
    {
        if (signal < 0 || signal > SignalNumber.Last)
        {
            return -Errno.EINVAL;
        }

        if (process != 0 && process != SignalDelivery.ProcessId && process != -1)
        {
            return -Errno.ESRCH;
        }

        if (signal != 0)
        {
            SignalDelivery.SendToProcess(signal);
        }

        return 0;
    }
}
