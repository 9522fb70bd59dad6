namespace Xenlet.Kernel;

/// <summary>The system calls of the nucleus on the host: a function that a test sets.</summary>
internal static class NucleusSystemCall
{
    /// <summary>Answers calls: number, and three arguments.</summary>
    public static Func<int, ulong, ulong, ulong, long> Nucleus { get; set; } = static (_, _, _, _) => -Errno.ENOSYS;

    /// <summary>Answers calls while it is there: number, and four arguments.</summary>
    public static Func<int, ulong, ulong, ulong, ulong, long>? NucleusOfStack { get; set; }

    public static long Invoke(int number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0) =>
        NucleusOfStack is { } ofStack ? ofStack(number, a1, a2, a3, a4) : Nucleus(number, a1, a2, a3);
}
