namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>Thread stacks and the guard pages below them.</summary>
internal static class Stacks
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

    /// <summary>
    /// Bytes at the top of a stack that are charged with it: what a thread of .NET needs to begin, to wait and to end. When they are not
    /// there the thread is not started, instead of ending the program at its first page.
    /// </summary>
    public const ulong ChargedSize = 16 << 10;

    /// <summary>Where the charged part of accessible memory begins: at its start, unless it is a stack's.</summary>
    public static ulong ChargedStart(ulong start, ulong end, RegionKind kind) =>
        (kind & RegionKind.Stack) == 0 || end - start <= ChargedSize ? start : end - ChargedSize;
}
