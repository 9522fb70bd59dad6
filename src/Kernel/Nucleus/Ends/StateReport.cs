using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>A report to port 0xE9 of what the guest is doing: registers, threads with their backtraces, and memory by owner.</summary>
internal static unsafe class StateReport
{
    /// <summary>
    /// The maximum number of threads whose backtraces are shown. Each line costs some forty exits to Xen, while nothing else runs.
    /// </summary>
    private const int MaximumThreads = 64;

    /// <summary>Writes the report.</summary>
    /// <param name="hit">The registers that the non-maskable interrupt interrupted.</param>
    /// <param name="isOfCurrentThread">
    /// Whether they are the running thread's, whose own frame is then out of date; otherwise they are the nucleus's.
    /// </param>
    public static void Write(Frame* hit, bool isOfCurrentThread)
    {
        KernelLog.Write("xenlet: non-maskable interrupt in "u8);
        Thread* current = Scheduler.Current;
        if (isOfCurrentThread)
        {
            WriteState(current);
        }
        else
        {
            KernelLog.Write("the nucleus\n"u8);
        }

        Registers.Write(hit);
        Backtrace.FromFrame(hit);
        int shown = 0;
        for (Thread* thread = ThreadTable.First; thread != null; thread = thread->NextInProcess)
        {
            if (isOfCurrentThread && thread == current)
            {
                continue;
            }

            if (shown++ == MaximumThreads)
            {
                KernelLog.Write("xenlet: more threads are not shown\n"u8);
                break;
            }

            KernelLog.Write("xenlet: "u8);
            WriteState(thread);
            Backtrace.FromFrame(&thread->Frame);
        }

        WriteMemory();
    }

    private static void WriteState(Thread* thread)
    {
        if (thread->Id == 0)
        {
            KernelLog.Write("the idle processor\n"u8);
            return;
        }

        ThreadName.Write(thread);
        KernelLog.Write(thread->State == ThreadState.Ready ? ": ready"u8 : ": waits for "u8);
        if (thread->State == ThreadState.Blocked)
        {
            KernelLog.Write(Name(thread->Wait));
        }

        KernelLog.Write(", "u8);
        KernelLog.WriteDecimal((thread == Scheduler.Current ? Scheduler.CurrentCpuTime : thread->CpuTime) / 1_000_000);
        KernelLog.Write(" ms of processor time\n"u8);
    }

    private static ReadOnlySpan<byte> Name(WaitKind wait) => wait switch
    {
        WaitKind.Futex => "a futex"u8,
        WaitKind.Sleep => "a time"u8,
        WaitKind.FileRead => "something to read"u8,
        WaitKind.FileWrite => "room to write"u8,
        WaitKind.Poll => "a file (poll)"u8,
        WaitKind.EventPoll => "a file (epoll)"u8,
        WaitKind.EventChannel => "an event channel"u8,
        WaitKind.Termination => "a request to end the program"u8,
        WaitKind.FileLock => "a file's lock"u8,
        _ => "nothing"u8,
    };

    private static void WriteMemory()
    {
        NucleusMemoryRecord memory;
        MemoryOwners.Count(&memory);
        KernelLog.Write("xenlet: memory in KiB: "u8);
        Amount("total "u8, memory.Total);
        Amount(", image "u8, memory.Image);
        Amount(", page tables "u8, memory.PageTables);
        Amount(", mapped "u8, memory.Mappings);
        Amount(", stacks "u8, memory.Stacks);
        Amount(", shared with other domains "u8, memory.Shared);
        Amount(", nucleus "u8, memory.Nucleus);
        Amount(", files "u8, memory.Files);
        Amount(", free "u8, memory.Free);
        Amount(", of that promised "u8, memory.Promised);
        KernelLog.NewLine();
    }

    private static void Amount(ReadOnlySpan<byte> owner, ulong pages)
    {
        KernelLog.Write(owner);
        KernelLog.WriteDecimal(pages * Pages.Size / 1024);
    }
}
