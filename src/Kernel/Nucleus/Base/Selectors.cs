namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Segment selectors of <c>xenlet_boot_gdt</c> and <c>xenlet_gdt</c>.</summary>
internal static class Selectors
{
    /// <summary>64-bit code, ring 0.</summary>
    public const int Code = 0x08;

    /// <summary>Data, ring 0.</summary>
    public const int Data = 0x10;

    /// <summary>Task state segment.</summary>
    public const int TaskState = 0x18;
}
