namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Counts the domain's resumes. A resume ends all event channel ports and grant references, and their numbers are later reused. The program
/// therefore holds handles: the number, with its generation in the upper 32 bits.
/// </summary>
internal static class DomainGeneration
{
    private static uint s_current;

    /// <summary>The number of resumes since boot.</summary>
    public static uint Current => s_current;

    /// <summary>Starts a new generation after a resume: all earlier handles are stale.</summary>
    public static void Begin() => s_current++;

    /// <summary>The handle of a number in the current generation.</summary>
    public static long Handle(uint number) => (long)(First | number);

    /// <summary>Whether a handle is from before the last resume.</summary>
    public static bool IsStale(ulong handle) => handle < First;

    /// <summary>The number of a handle that is not stale. Above 32 bits for a handle that was never given out.</summary>
    public static ulong NumberOf(ulong handle) => handle - First;

    private static ulong First => (ulong)s_current << 32;
}
