using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Platform.Random;

/// <summary>
/// Names what runs since boot or the last resume, as the VM generation id of other hypervisors does: random, so that two domains that were
/// resumed from the same memory, which count alike, have different ones.
/// </summary>
internal static unsafe class GenerationId
{
    /// <summary>Bytes of <see cref="Value"/>.</summary>
    public const int Size = 16;

    private static Words s_value;

    /// <summary>The id.</summary>
    public static byte* Value => (byte*)Unsafe.AsPointer(ref s_value);

    /// <summary>Draws the id. At boot, and after a resume when random numbers are new.</summary>
    public static void Draw() => RandomNumbers.Fill(Value, Size);

    [InlineArray(Size / sizeof(ulong))]
    private struct Words
    {
        private ulong _first;
    }
}
