using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// How often the domain was resumed. Event channel ports and grant references of before a resume are gone, and their numbers come again for
/// others: the program therefore holds handles, which are the number with the generation it belongs to in the upper 32 bits.
/// </summary>
internal static unsafe class DomainGeneration
{
    /// <summary>Bytes of <see cref="Id"/>.</summary>
    public const int IdSize = 16;

    private static uint s_current;
    private static IdWords s_id;

    /// <summary>
    /// Names what runs since boot or the last resume, as the VM generation id of other hypervisors does: random, so that two domains that
    /// were resumed from the same
    /// memory, which count alike, have different ones.
    /// </summary>
    public static byte* Id => (byte*)Unsafe.AsPointer(ref s_id);

    /// <summary>Draws the id. At boot, and after a resume when random numbers are new.</summary>
    public static void Identify() => RandomNumbers.Fill(Id, IdSize);

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

    [InlineArray(IdSize / sizeof(ulong))]
    private struct IdWords
    {
        private ulong _first;
    }
}
