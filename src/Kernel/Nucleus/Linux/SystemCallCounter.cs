namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>How many system calls there were.</summary>
internal static class SystemCallCounter
{
    /// <summary>Calls since boot. One that is made again after a wait counts once.</summary>
    public static ulong Calls { get; set; }
}
