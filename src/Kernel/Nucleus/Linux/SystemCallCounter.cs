namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>Counts system calls.</summary>
internal static class SystemCallCounter
{
    /// <summary>Calls since boot. A call that is retried after a wait counts once.</summary>
    public static ulong Calls { get; set; }
}
