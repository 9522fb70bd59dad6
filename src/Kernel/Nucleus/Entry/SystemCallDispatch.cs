using System.Runtime;
using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Memory;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Linux.Threads;
using Xenlet.Kernel.Nucleus.Linux.Time;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>
/// The Linux system calls that glibc and the .NET runtime make. Any other call returns ENOSYS and is logged once. To add a call: a number
/// in <see cref="SystemCallNumber"/>, a row in docs/programs.md, a line in <see cref="Dispatch"/>, and a method beside its kind.
/// </summary>
internal static unsafe class SystemCallDispatch
{
    // Linux's numbers on x86-64 lie below this. Higher ones are logged only once in all, so that a program cannot fill the log with them.
    private const int NumbersOfLinux = 512;

    private static UnknownCalls s_logged;

    [RuntimeExport("xenlet_on_system_call")]
    public static Frame* OnSystemCall(Frame* frame)
    {
        SystemCallCounter.Calls++;
        Thread* thread = (Thread*)frame;
        long result = Dispatch(thread, frame);
        if (result != CallResult.None)
        {
            frame->Rax = (ulong)result;

            // A retried call may have ended in another way; its progress must not be the next call's.
            thread->Progress = 0;
        }

        return NucleusExit.Leave();
    }

    /// <summary>
    /// Retries the calls of threads that were woken for that. A retried call may wake further threads. A signal sent to a thread in between
    /// finds it blocked only now.
    /// </summary>
    public static void RetryCalls()
    {
        for (Thread* thread = Scheduler.TakeToRetry(); thread != null; thread = Scheduler.TakeToRetry())
        {
            thread->IsRetry = true;
            long result = Dispatch(thread, &thread->Frame);
            thread->IsRetry = false;
            if (result != CallResult.None)
            {
                Scheduler.Return(thread, result, urgent: true);
            }
            else if (thread->State == ThreadState.Blocked)
            {
                SignalDelivery.InterruptIfBlocked(thread);
            }
            else
            {
                // The descriptor now belongs to another file, whose bytes come in parts: the thread itself continues with them.
                Scheduler.MakeReady(thread, urgent: true);
            }
        }
    }

    // Apart from Linux's, whose many cases make a large stack frame: the stack makes half of all calls.
    private static long Dispatch(Thread* thread, Frame* frame) => frame->Vector >= NucleusCall.First
        ? NucleusCall.Dispatch(thread, frame->Vector, frame->Rdi, frame->Rsi, frame->Rdx, frame->R10)
        : DispatchLinux(thread, frame);

    private static long DispatchLinux(Thread* thread, Frame* frame)
    {
        ulong a1 = frame->Rdi;
        ulong a2 = frame->Rsi;
        ulong a3 = frame->Rdx;
        ulong a4 = frame->R10;
        ulong a5 = frame->R8;
        ulong a6 = frame->R9;
        if (SocketLife.HasProgramEnded && SocketCalls.IsForSocket((int)frame->Vector, (int)a1))
        {
            return SocketCalls.Stop(thread);
        }

        switch ((int)frame->Vector)
        {
            case SystemCallNumber.Read:
                return FileCalls.Read(thread, (int)a1, a2, a3);
            case SystemCallNumber.Write:
                return FileCalls.Write(thread, (int)a1, a2, a3);
            case SystemCallNumber.Readv:
                return FileCalls.ReadVector(thread, (int)a1, a2, a3);
            case SystemCallNumber.Writev:
                return FileCalls.WriteVector(thread, (int)a1, a2, a3);
            case SystemCallNumber.Open:
                return OpenCalls.Open(thread, PathWalk.AT_FDCWD, a1, (uint)a2, (uint)a3);
            case SystemCallNumber.Creat:
                return OpenCalls.Create(thread, a1, (uint)a2);
            case SystemCallNumber.Openat:
                return OpenCalls.Open(thread, (int)a1, a2, (uint)a3, (uint)a4);
            case SystemCallNumber.Close:
                return FileTable.Close(thread, (int)a1);
            case SystemCallNumber.Fstat:
                return FileCalls.Status((int)a1, a2);
            case SystemCallNumber.Stat:
                return PathCalls.Status(thread, PathWalk.AT_FDCWD, a1, a2, follows: true);
            case SystemCallNumber.Lstat:
                return PathCalls.Status(thread, PathWalk.AT_FDCWD, a1, a2, follows: false);
            case SystemCallNumber.Newfstatat:
                return PathCalls.StatusAt(thread, (int)a1, a2, a3, (uint)a4);
            case SystemCallNumber.Poll:
                return PollCalls.Poll(thread, a1, a2, (int)a3);
            case SystemCallNumber.Ppoll:
                return PollCalls.PollUntil(thread, a1, a2, a3);
            case SystemCallNumber.Ioctl:
                return SocketCalls.Control(thread, (int)a1, (uint)a2, a3);
            case SystemCallNumber.Fcntl:
                return FileCalls.Control((int)a1, (int)a2, a3);
            case SystemCallNumber.Dup:
                return FileTable.Duplicate((int)a1, 0);
            case SystemCallNumber.Dup3:
                return FileTable.DuplicateTo((int)a1, (int)a2);
            case SystemCallNumber.Pipe2:
                return Pipes.Create(a1, (uint)a2);
            case SystemCallNumber.EpollCreate1:
                return EventPolls.Create((uint)a1);
            case SystemCallNumber.Eventfd2:
                return EventCounters.Create((uint)a1, (uint)a2);
            case SystemCallNumber.EpollCtl:
                return EventPolls.Control((int)a1, (int)a2, (int)a3, a4);
            case SystemCallNumber.EpollWait:
            case SystemCallNumber.EpollPwait:
                return EventPolls.Wait(thread, (int)a1, a2, (int)a3, (int)a4);

            case SystemCallNumber.Mmap:
                return MemoryCalls.Map(a1, a2, (uint)a3, (uint)a4, (int)a5, a6);
            case SystemCallNumber.Mprotect:
                return MemoryCalls.Protect(a1, a2, (uint)a3);
            case SystemCallNumber.Munmap:
                return MemoryCalls.Unmap(a1, a2);
            case SystemCallNumber.Madvise:
                return MemoryCalls.Advise(a1, a2, (int)a3);
            case SystemCallNumber.Msync:
                return MemoryCalls.Synchronise(a1, a2, (uint)a3);
            case SystemCallNumber.Brk:
                return (long)AddressSpace.SetBreak(a1);
            case SystemCallNumber.Mremap:
                // glibc's realloc then maps anew and copies.
                return -Errno.ENOMEM;

            case SystemCallNumber.RtSigaction:
                return SignalCalls.SetAction((int)a1, a2, a3, a4);
            case SystemCallNumber.RtSigprocmask:
                return SignalCalls.ChangeMask(thread, (int)a1, a2, a3, a4);
            case SystemCallNumber.RtSigreturn:
                SignalDelivery.Return(thread);
                return CallResult.None;
            case SystemCallNumber.Tgkill:
                return SignalCalls.SendToThread((int)a2, (int)a3);
            case SystemCallNumber.Tkill:
                return SignalCalls.SendToThread((int)a1, (int)a2);
            case SystemCallNumber.Kill:
                return SignalCalls.SendToProcess((int)a1, (int)a2);

            case SystemCallNumber.Clone3:
                return ThreadCalls.Clone(frame, a1, a2);
            case SystemCallNumber.Exit:
                return ThreadCalls.Exit(thread, (int)a1);
            case SystemCallNumber.ExitGroup:
                ProgramEnd.Exit((int)a1);
                return CallResult.None;
            case SystemCallNumber.Futex:
                return Futex.Call(a1, (int)a2, (uint)a3, a4, (uint)a6);
            case SystemCallNumber.SetTidAddress:
                thread->ClearChildTid = a1;
                return thread->Id;
            case SystemCallNumber.Gettid:
                return thread->Id;
            case SystemCallNumber.SchedYield:
                Scheduler.Yield();
                return 0;
            case SystemCallNumber.SchedGetaffinity:
                return ThreadCalls.Affinity(a2, a3);
            case SystemCallNumber.Prctl:
                return ThreadCalls.Control(thread, (int)a1, a2);
            case SystemCallNumber.ArchPrctl:
                return ThreadCalls.ArchitectureControl(frame, (int)a1, a2);
            case SystemCallNumber.Membarrier:
                return ThreadCalls.MemoryBarrier((int)a1);
            case SystemCallNumber.Getcpu:
                return SystemInformation.CurrentCpu(a1, a2);

            case SystemCallNumber.ClockGettime:
                return TimeCalls.Get((int)a1, a2);
            case SystemCallNumber.Time:
                return TimeCalls.Seconds(a1);
            case SystemCallNumber.Gettimeofday:
                return TimeCalls.TimeOfDay(a1, a2);
            case SystemCallNumber.ClockGetres:
                return TimeCalls.Resolution((int)a1, a2);
            case SystemCallNumber.Nanosleep:
                return TimeCalls.Sleep(TimeCalls.CLOCK_MONOTONIC, 0, a1, a2);
            case SystemCallNumber.ClockNanosleep:
                return TimeCalls.Sleep((int)a1, (uint)a2, a3, a4);

            case SystemCallNumber.Getpid:
                return SignalDelivery.ProcessId;
            case SystemCallNumber.Getppid:
            case SystemCallNumber.Getuid:
            case SystemCallNumber.Getgid:
            case SystemCallNumber.Geteuid:
            case SystemCallNumber.Getegid:
                return 0;
            case SystemCallNumber.Uname:
                return SystemInformation.Name(a1);
            case SystemCallNumber.Sysinfo:
                return SystemInformation.Information(a1);
            case SystemCallNumber.Getrusage:
                return SystemInformation.Usage((int)a1, a2);
            case SystemCallNumber.Prlimit64:
                return SystemInformation.Limit((int)a2, a3, a4);
            case SystemCallNumber.Getrlimit:
                return SystemInformation.Limit((int)a1, 0, a2);
            case SystemCallNumber.Getrandom:
                return RandomCalls.Get(thread, a1, a2);
            case SystemCallNumber.SetRobustList:
            case SystemCallNumber.Rseq:
            case SystemCallNumber.GetMempolicy:
                // Robust mutexes between processes, restartable sequences, memory nodes: glibc and the runtime work without them, but try
                // them at every start.
                return -Errno.ENOSYS;

            case SystemCallNumber.Socket:
                return SocketCalls.Create((int)a1, (uint)a2, (int)a3);
            case SystemCallNumber.Bind:
                return SocketCalls.Bind(thread, (int)a1, a2, (uint)a3);
            case SystemCallNumber.Connect:
                return SocketCalls.Connect(thread, (int)a1, a2, (uint)a3);
            case SystemCallNumber.Listen:
                return SocketCalls.Listen(thread, (int)a1, (int)a2);
            case SystemCallNumber.Accept:
                return SocketCalls.Accept(thread, (int)a1, a2, a3, 0);
            case SystemCallNumber.Accept4:
                return SocketCalls.Accept(thread, (int)a1, a2, a3, (uint)a4);
            case SystemCallNumber.Getsockname:
                return SocketCalls.Name((int)a1, a2, a3, isPeer: false);
            case SystemCallNumber.Getpeername:
                return SocketCalls.Name((int)a1, a2, a3, isPeer: true);
            case SystemCallNumber.Shutdown:
                return SocketCalls.ShutDown((int)a1, (uint)a2);
            case SystemCallNumber.Getsockopt:
                return SocketCalls.GetOption(thread, (int)a1, (int)a2, (int)a3, a4, a5);
            case SystemCallNumber.Setsockopt:
                return SocketCalls.SetOption(thread, (int)a1, (int)a2, (int)a3, a4, (uint)a5);
            case SystemCallNumber.Sendto:
                return SocketTransfers.Send(thread, (int)a1, a2, a3, (uint)a4, a5, (uint)a6);
            case SystemCallNumber.Sendfile:
                return FileTransfers.Send(thread, (int)a1, (int)a2, a3, a4);
            case SystemCallNumber.Sendmsg:
                return SocketTransfers.SendMessage(thread, (int)a1, a2, (uint)a3);
            case SystemCallNumber.Sendmmsg:
                return SocketTransfers.SendMessages(thread, (int)a1, a2, (uint)a3, (uint)a4);
            case SystemCallNumber.Recvfrom:
                return SocketTransfers.Receive(thread, (int)a1, a2, a3, (uint)a4, a5, a6);
            case SystemCallNumber.Recvmsg:
                return SocketTransfers.ReceiveMessage(thread, (int)a1, a2, (uint)a3);

            default:
                if (FileSystemDispatch.TryDispatch(thread, frame, out long result))
                {
                    return result;
                }

                LogOnce(frame->Vector);
                return -Errno.ENOSYS;
        }
    }

    private static void LogOnce(ulong number)
    {
        ulong index = Math.Min(number, NumbersOfLinux);
        ulong* words = (ulong*)Unsafe.AsPointer(ref s_logged);
        ulong bit = 1UL << (int)(index % 64);
        if ((words[index / 64] & bit) != 0)
        {
            return;
        }

        words[index / 64] |= bit;
        KernelLog.Write("xenlet: system call "u8);
        KernelLog.WriteDecimal(number);
        KernelLog.Write(" is not implemented\n"u8);
    }

    [InlineArray((NumbersOfLinux / 64) + 1)]
    private struct UnknownCalls
    {
        private ulong _first;
    }
}
