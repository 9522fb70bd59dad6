using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Platform.Random;

/// <summary>
/// Identifies the period since boot or the last resume, like other hypervisors' VM generation id. It is random: two domains resumed from
/// the same memory have the same counters, but different ids.
/// </summary>
internal static unsafe class GenerationId
{
    /// <summary>The size of <see cref="Value"/> in bytes.</summary>
    public const int Size = 16;

    private static Words s_value;

    /// <summary>The generation id.</summary>
    public static byte* Value => (byte*)Unsafe.AsPointer(ref s_value);

    /// <summary>Draws a new id: at boot, and after a resume once random numbers have been reseeded.</summary>
    public static void Draw() => RandomNumbers.Fill(Value, Size);

    [InlineArray(Size / sizeof(ulong))]
    private struct Words
    {
        private ulong _first;
    }
}
