using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>The stack of a thread.</summary>
internal static unsafe class ThreadStack
{
    /// <summary>
    /// The range of addresses, from the highest downwards, in which the main thread's stack may end: 16 GiB, as on Linux.
    /// </summary>
    private const ulong RandomPages = 1 << 22;

    /// <summary>Whether a fault at this address means that the thread ran out of stack.</summary>
    public static bool IsOverflow(Thread* thread, ulong address) =>
        thread->StackLow != 0 && address < thread->StackLow && address + Stacks.GuardSize >= thread->StackLow
        && thread->Frame.Rsp < thread->StackLow + Pages.Size;

    /// <summary>Maps the main thread's stack. Returns its top, or 0 if memory is exhausted.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="random">Any number. It determines where the stack lies.</param>
    public static ulong MapMain(Thread* thread, ulong random)
    {
        ulong end = AddressSpace.MapEnd - (random % RandomPages * Pages.Size);
        ulong low = end - Stacks.DefaultSize;
        if (AddressSpace.Map(low - Stacks.GuardSize, low, Protection.None, RegionKind.Guard) != 0
            || AddressSpace.Map(low, end, Protection.Read | Protection.Write, RegionKind.Stack) != 0)
        {
            return 0;
        }

        thread->StackLow = low;
        thread->StackHigh = end;
        return end;
    }
}
