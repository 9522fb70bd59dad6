namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>Thread stacks and the guard pages below them.</summary>
internal static class Stacks
{
    /// <summary>
    /// The size in bytes of the main thread's stack and, through RLIMIT_STACK, of every thread that does not ask for a size. This is .NET's
    /// usual default on Windows. Only touched pages cost memory.
    /// </summary>
    public const ulong DefaultSize = 1 << 20;

    /// <summary>
    /// The number of bytes kept unmapped below the main thread's stack. More than one page, because a function with a large frame may skip
    /// a single guard page.
    /// </summary>
    public const ulong GuardSize = 64 << 10;

    /// <summary>
    /// The number of bytes at the top of a stack that are charged with it: what a .NET thread needs to start, wait and end. If they are not
    /// available, the thread is not started; otherwise its first page could end the program.
    /// </summary>
    public const ulong ChargedSize = 16 << 10;

    /// <summary>Where the charged part of accessible memory begins: at its start, except for a stack.</summary>
    public static ulong ChargedStart(ulong start, ulong end, RegionKind kind) =>
        (kind & RegionKind.Stack) == 0 || end - start <= ChargedSize ? start : end - ChargedSize;
}
