using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Threads;

/// <summary>clone3, exit, and calls about the calling thread.</summary>
internal static unsafe class ThreadCalls
{
    // linux/sched.h
    private const ulong CLONE_VM = 0x100;
    private const ulong CLONE_THREAD = 0x10000;
    private const ulong CLONE_SETTLS = 0x80000;
    private const ulong CLONE_PARENT_SETTID = 0x100000;
    private const ulong CLONE_CHILD_CLEARTID = 0x200000;
    private const ulong CLONE_CHILD_SETTID = 0x1000000;

    private const int ARCH_SET_FS = 0x1002;
    private const int ARCH_GET_FS = 0x1003;
    private const int PR_SET_NAME = 15;
    private const int PR_GET_NAME = 16;

    // linux/membarrier.h
    private const int MEMBARRIER_CMD_QUERY = 0;
    private const int MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8;
    private const int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 16;

    /// <summary>Starts a thread. Processes cannot be created: there is one address space.</summary>
    public static long Clone(Frame* parent, ulong address, ulong size)
    {
        if (size < (ulong)sizeof(clone_args))
        {
            return -Errno.EINVAL;
        }

        long error = ProgramMemory.PrepareRead(address, (ulong)sizeof(clone_args));
        if (error < 0)
        {
            return error;
        }

        clone_args arguments = *(clone_args*)address;
        const ulong thread = CLONE_VM | CLONE_THREAD;
        if ((arguments.flags & thread) != thread || arguments.stack == 0)
        {
            return -Errno.ENOSYS;
        }

        // A value that the FS base cannot hold would fault in the nucleus when the thread is resumed.
        if ((arguments.flags & CLONE_SETTLS) != 0 && arguments.tls >= AddressSpace.MapEnd)
        {
            return -Errno.EPERM;
        }

        bool setsParent = (arguments.flags & CLONE_PARENT_SETTID) != 0;
        bool setsChild = (arguments.flags & CLONE_CHILD_SETTID) != 0;
        error = setsParent ? ProgramMemory.PrepareWrite(arguments.parent_tid, 4) : 0;
        if (error == 0 && setsChild)
        {
            error = ProgramMemory.PrepareWrite(arguments.child_tid, 4);
        }

        if (error < 0)
        {
            return error;
        }

        // Touches the thread's first stack page. Without it, the thread would end the program at a point where no call can fail. A stack
        // that is not mapped is the thread's own error, as on Linux.
        ulong top = arguments.stack + arguments.stack_size;
        if (ProgramMemory.PrepareWrite(top - 8, 8) == -Errno.ENOMEM)
        {
            return -Errno.ENOMEM;
        }

        Thread* child = ThreadTable.Create();
        if (child == null)
        {
            return -Errno.ENOMEM;
        }

        FloatingPoint.Save();
        Machine.Copy(&child->Frame, parent, Frame.Size);
        child->Frame.Rax = 0;
        child->Frame.Rsp = top;
        child->SignalMask = ((Thread*)parent)->SignalMask;
        child->StackLow = arguments.stack;
        child->StackHigh = top;
        if ((arguments.flags & CLONE_SETTLS) != 0)
        {
            child->Frame.FsBase = arguments.tls;
        }

        if ((arguments.flags & CLONE_CHILD_CLEARTID) != 0)
        {
            child->ClearChildTid = arguments.child_tid;
        }

        if (setsParent)
        {
            *(int*)arguments.parent_tid = child->Id;
        }

        if (setsChild)
        {
            *(int*)arguments.child_tid = child->Id;
        }

        RunQueue.Append(child);
        return child->Id;
    }

    /// <summary>Ends the calling thread. The last one ends the process.</summary>
    public static long Exit(Thread* thread, int status)
    {
        if (ThreadTable.Count == 1)
        {
            ProgramEnd.Exit(status);
        }

        ulong clear = thread->ClearChildTid;
        if (clear != 0 && ProgramMemory.PrepareWrite(clear, 4) == 0)
        {
            *(int*)clear = 0;
            Futex.Wake(clear, 1, uint.MaxValue);
        }

        Scheduler.EndCurrent();
        return CallResult.None;
    }

    /// <summary>sched_getaffinity: one processor.</summary>
    public static long Affinity(ulong size, ulong mask)
    {
        if (size < 8 || (size & 7) != 0)
        {
            return -Errno.EINVAL;
        }

        long error = ProgramMemory.PrepareWrite(mask, 8);
        if (error < 0)
        {
            return error;
        }

        *(ulong*)mask = 1;
        return 8;
    }

    public static long Control(Thread* thread, int option, ulong address)
    {
        if (option is not (PR_SET_NAME or PR_GET_NAME))
        {
            return -Errno.EINVAL;
        }

        const ulong nameSize = 16;
        if (option == PR_GET_NAME)
        {
            long error = ProgramMemory.PrepareWrite(address, nameSize);
            if (error < 0)
            {
                return error;
            }

            Machine.Copy((void*)address, thread->Name, (nuint)nameSize);
            return 0;
        }

        long length = ProgramMemory.StringLength(address, nameSize);
        if (length < 0 && length != -Errno.ENAMETOOLONG)
        {
            return length;
        }

        ulong count = length < 0 ? nameSize - 1 : (ulong)length;

        Machine.Fill(thread->Name, 0, (nuint)nameSize);
        Machine.Copy(thread->Name, (void*)address, (nuint)count);
        return 0;
    }

    public static long ArchitectureControl(Frame* frame, int code, ulong address)
    {
        switch (code)
        {
            case ARCH_SET_FS:
                if (address >= AddressSpace.MapEnd)
                {
                    return -Errno.EPERM;
                }

                frame->FsBase = address;
                return 0;
            case ARCH_GET_FS:
                long error = ProgramMemory.PrepareWrite(address, 8);
                if (error < 0)
                {
                    return error;
                }

                *(ulong*)address = frame->FsBase;
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>With one processor, every thread has passed a barrier by the time another runs: entering the nucleus is one.</summary>
    public static long MemoryBarrier(int command) => command switch
    {
        MEMBARRIER_CMD_QUERY => MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
        MEMBARRIER_CMD_PRIVATE_EXPEDITED or MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED => 0,
        _ => -Errno.EINVAL,
    };
}
