namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Arithmetic of 4 KiB pages.</summary>
internal static class Pages
{
    /// <summary>Bytes of a page, of a frame and of a page table.</summary>
    public const ulong Size = 4096;

    /// <summary>Bytes that one page-directory entry maps.</summary>
    public const ulong LargeSize = 2 << 20;

    public static ulong RoundUp(ulong address) => (address + Size - 1) & ~(Size - 1);

    public static ulong RoundDown(ulong address) => address & ~(Size - 1);

    public static bool IsAligned(ulong address) => (address & (Size - 1)) == 0;
}
