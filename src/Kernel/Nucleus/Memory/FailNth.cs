namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Refuses one memory request on purpose, as Linux's <c>fail-nth</c> does (Documentation/fault-injection). A test steps through all
/// requests and checks that each refusal is an error of the call that asked, and that nothing is lost. Taking a frame that was charged
/// before is not a request, because it cannot fail.
/// </summary>
internal static unsafe class FailNth
{
    // Only compared with the running thread; never dereferenced.
    private static void* s_thread;
    private static ulong s_left;
    private static bool s_hasStacks;

    /// <summary>The running thread, set by the scheduler.</summary>
    public static void* Running { get; set; }

    /// <summary>
    /// Makes the running thread's request with this <paramref name="number"/> fail, counted from now on.
    /// </summary>
    /// <param name="number">1 for the next request; 0 for none.</param>
    /// <param name="withStacks">
    /// Whether pages of stacks count. They are requested by touching them, often where no call could return an error.
    /// </param>
    /// <returns>The previous count that was left; 0 if that request has failed.</returns>
    public static ulong Arm(ulong number, bool withStacks)
    {
        ulong left = s_left;
        s_left = number;
        s_thread = Running;
        s_hasStacks = withStacks;
        return left;
    }

    /// <summary>Whether this request must fail.</summary>
    public static bool Refuses(bool isStack) =>
        s_left != 0 && Running == s_thread && (s_hasStacks || !isStack) && --s_left == 0;
}
