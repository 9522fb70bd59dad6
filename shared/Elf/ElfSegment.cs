namespace Xenlet.Elf;

/// <summary>A program header (Elf64_Phdr).</summary>
/// <param name="Type">PT_ number.</param>
/// <param name="Flags">PF_ bits.</param>
/// <param name="Offset">Where its bytes begin in the file.</param>
/// <param name="Address">Its virtual address.</param>
/// <param name="PhysicalAddress">Its physical address.</param>
/// <param name="FileSize">Its bytes in the file.</param>
/// <param name="MemorySize">Its bytes in memory; those beyond the file's are zero.</param>
internal readonly record struct ElfSegment(
    uint Type, uint Flags, ulong Offset, ulong Address, ulong PhysicalAddress, ulong FileSize, ulong MemorySize)
{
    /// <summary>PT_LOAD.</summary>
    public const uint Load = 1;

    /// <summary>PT_DYNAMIC.</summary>
    public const uint Dynamic = 2;

    /// <summary>PT_INTERP.</summary>
    public const uint Interpreter = 3;

    /// <summary>PT_NOTE.</summary>
    public const uint Note = 4;

    /// <summary>PT_GNU_EH_FRAME, of GNU's <c>.eh_frame_hdr</c>.</summary>
    public const uint EhFrameHeader = 0x6474e550;

    /// <summary>PF_X.</summary>
    public const uint Executable = 1;

    /// <summary>PF_W.</summary>
    public const uint Writable = 2;

    /// <summary>The address behind its last byte in memory.</summary>
    public ulong End => Address + MemorySize;
}
