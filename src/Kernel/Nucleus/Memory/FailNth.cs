namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Refuses one request for memory on purpose, as Linux's <c>fail-nth</c> does (Documentation/fault-injection): a test counts through
/// all of them and sees that each is an error of the call that asked, and that nothing is lost. A frame that was charged is no request:
/// it is there.
/// </summary>
internal static unsafe class FailNth
{
    // Which thread it is means nothing here: only whether it is the same.
    private static void* s_thread;
    private static ulong s_left;
    private static bool s_hasStacks;

    /// <summary>The thread that runs; the scheduler says so.</summary>
    public static void* Running { get; set; }

    /// <summary>Lets the <paramref name="number"/>th of the running thread's requests from now on fail.</summary>
    /// <param name="number">1 for the next one; 0 for none.</param>
    /// <param name="withStacks">
    /// Whether pages of stacks count: they are asked for by touching them, where often no call is that could fail.
    /// </param>
    /// <returns>What was left of the number before; 0 when that request has failed.</returns>
    public static ulong Arm(ulong number, bool withStacks)
    {
        ulong left = s_left;
        s_left = number;
        s_thread = Running;
        s_hasStacks = withStacks;
        return left;
    }

    /// <summary>Whether this request is the one.</summary>
    public static bool Refuses(bool isStack) =>
        s_left != 0 && Running == s_thread && (s_hasStacks || !isStack) && --s_left == 0;
}
