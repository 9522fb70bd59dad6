namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// How often the domain was resumed. Event channel ports and grant references of before a resume are gone, and their numbers come again for
/// others: the program therefore holds handles, which are the number with the generation it belongs to in the upper 32 bits.
/// </summary>
internal static class DomainGeneration
{
    private static uint s_current;

    /// <summary>Resumes since boot.</summary>
    public static uint Current => s_current;

    /// <summary>The domain was resumed: all handles of before are stale.</summary>
    public static void Begin() => s_current++;

    /// <summary>The handle of a number of now.</summary>
    public static long Handle(uint number) => (long)(First | number);

    /// <summary>Whether a handle is one of before the last resume.</summary>
    public static bool IsStale(ulong handle) => handle < First;

    /// <summary>The number of a handle that is not stale; above 32 bits for one that was never given out.</summary>
    public static ulong NumberOf(ulong handle) => handle - First;

    private static ulong First => (ulong)s_current << 32;
}
