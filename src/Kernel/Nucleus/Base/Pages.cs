namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Arithmetic on 4 KiB pages.</summary>
internal static class Pages
{
    /// <summary>Size in bytes of a page, a frame and a page table.</summary>
    public const ulong Size = 4096;

    /// <summary>The number of bytes that one page-directory entry maps.</summary>
    public const ulong LargeSize = 2 << 20;

    public static ulong RoundUp(ulong address) => (address + Size - 1) & ~(Size - 1);

    public static ulong RoundDown(ulong address) => address & ~(Size - 1);

    public static bool IsAligned(ulong address) => (address & (Size - 1)) == 0;
}
