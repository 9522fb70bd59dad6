namespace Xenlet.Kernel.Nucleus.Linux.Time;

/// <summary>The C library's clock_gettime on the host: an answer that a test recognises.</summary>
internal static unsafe class LibraryClock
{
    /// <summary>What it returns.</summary>
    public const int Answer = -17;

    public static int GetTime(int clock, ulong* time)
    {
        time[0] = (ulong)clock;
        return Answer;
    }
}
