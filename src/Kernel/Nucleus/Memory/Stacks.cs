namespace Xenlet.Kernel.Nucleus;

/// <summary>Thread stacks and the guard pages below them.</summary>
internal static unsafe class Stacks
{
    /// <summary>
    /// Bytes of the main thread's stack and, through RLIMIT_STACK, of every thread that asks for no size of its own. .NET's usual
    /// default on Windows; only what is touched costs memory.
    /// </summary>
    public const ulong DefaultSize = 1 << 20;

    /// <summary>
    /// Addresses kept unmapped below the main thread's stack. Larger than a guard page, since a function with a large frame may skip one.
    /// </summary>
    public const ulong GuardSize = 64 << 10;

    /// <summary>How far below the highest address the main thread's stack may end: 16 GiB, as on Linux.</summary>
    private const ulong RandomPages = 1 << 22;

    /// <summary>
    /// Bytes at the top of a stack that are charged with it: what a thread of .NET needs to begin, to wait and to end. When they are not
    /// there the thread is not started, instead of ending the program at its first page.
    /// </summary>
    public const ulong ChargedSize = 16 << 10;

    /// <summary>Where the charged part of accessible memory begins: at its start, unless it is a stack's.</summary>
    public static ulong ChargedStart(ulong start, ulong end, RegionKind kind) =>
        (kind & RegionKind.Stack) == 0 || end - start <= ChargedSize ? start : end - ChargedSize;

    /// <summary>Whether a fault at this address means that the thread ran out of stack.</summary>
    public static bool IsOverflow(Thread* thread, ulong address) =>
        thread->StackLow != 0 && address < thread->StackLow && address + GuardSize >= thread->StackLow
        && thread->Frame.Rsp < thread->StackLow + Pages.Size;

    /// <summary>Maps the main thread's stack. Returns its top, or 0 when memory is exhausted.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="random">Any number: it decides where the stack is.</param>
    public static ulong MapMain(Thread* thread, ulong random)
    {
        ulong end = AddressSpace.MapEnd - (random % RandomPages * Pages.Size);
        ulong low = end - DefaultSize;
        if (AddressSpace.Map(low - GuardSize, low, Protection.None, RegionKind.Guard) != 0
            || AddressSpace.Map(low, end, Protection.Read | Protection.Write, RegionKind.Stack) != 0)
        {
            return 0;
        }

        thread->StackLow = low;
        thread->StackHigh = end;
        return end;
    }
}
