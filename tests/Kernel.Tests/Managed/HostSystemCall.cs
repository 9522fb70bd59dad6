namespace Xenlet.Kernel;

/// <summary>The system calls of the nucleus on the host: a function that a test sets.</summary>
internal static class NucleusSystemCall
{
    /// <summary>Answers calls: number, and three arguments.</summary>
    public static Func<int, ulong, ulong, ulong, long> Nucleus { get; set; } = static (_, _, _, _) => -Errno.ENOSYS;

    public static long Invoke(int number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong _ = 0) => Nucleus(number, a1, a2, a3);
}
