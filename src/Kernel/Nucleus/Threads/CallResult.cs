namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>What a system call can return to its dispatcher besides a result.</summary>
internal static class CallResult
{
    /// <summary>The result is not known yet because the caller is parked, or the call loaded the registers itself.</summary>
    public const long None = long.MinValue;
}
