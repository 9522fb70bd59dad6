using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>Elf64_Ehdr, as far as it is used (System V ABI, chapter 4).</summary>
[StructLayout(LayoutKind.Explicit)]
internal struct ElfHeader
{
    [FieldOffset(32)] public ulong ProgramHeaderOffset;
    [FieldOffset(54)] public ushort ProgramHeaderSize;
    [FieldOffset(56)] public ushort ProgramHeaderCount;
}

/// <summary>Elf64_Phdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ElfProgramHeader
{
    /// <summary>PT_LOAD.</summary>
    public const uint PT_LOAD = 1;

    public const uint FlagExecute = 1;
    public const uint FlagWrite = 2;

    public uint Type;
    public uint Flags;
    public ulong Offset;
    public ulong VirtualAddress;
    public ulong PhysicalAddress;
    public ulong FileSize;
    public ulong MemorySize;
    public ulong Alignment;
}
