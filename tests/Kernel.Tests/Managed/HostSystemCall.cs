namespace Xenlet.Kernel;

/// <summary>The system calls of the nucleus on the host: a function that a test sets.</summary>
internal static class NucleusSystemCall
{
    /// <summary>Answers calls: number, and three arguments.</summary>
    public static Func<int, ulong, ulong, ulong, long> Nucleus { get; set; } = static (_, _, _, _) => -Errno.ENOSYS;

    /// <summary>Answers calls that have a fourth argument, if a test needs it.</summary>
    public static Func<int, ulong, ulong, ulong, ulong, long>? NucleusOfFour { get; set; }

    public static long Invoke(int number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0) =>
        NucleusOfFour?.Invoke(number, a1, a2, a3, a4) ?? Nucleus(number, a1, a2, a3);
}
