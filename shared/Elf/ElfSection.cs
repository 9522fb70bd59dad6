namespace Xenlet.Elf;

/// <summary>A section header (Elf64_Shdr).</summary>
/// <param name="NameOffset">Where its name begins in the section of section names.</param>
/// <param name="Type">SHT_ number.</param>
/// <param name="Flags">SHF_ bits.</param>
/// <param name="Address">Its virtual address.</param>
/// <param name="Offset">Where its contents begin in the file.</param>
/// <param name="Size">Its bytes; <see cref="WithoutContents"/> has none of them in the file.</param>
/// <param name="Link">Index of the section it refers to: of a symbol table, its strings.</param>
internal readonly record struct ElfSection(uint NameOffset, uint Type, ulong Flags, ulong Address, ulong Offset, ulong Size, uint Link)
{
    /// <summary>SHT_PROGBITS.</summary>
    public const uint ProgramContents = 1;

    /// <summary>SHT_SYMTAB.</summary>
    public const uint SymbolTable = 2;

    /// <summary>SHT_NOBITS.</summary>
    public const uint WithoutContents = 8;

    /// <summary>SHF_WRITE.</summary>
    public const ulong Writable = 1;

    /// <summary>SHF_ALLOC.</summary>
    public const ulong Loaded = 2;

    /// <summary>SHF_EXECINSTR.</summary>
    public const ulong Executable = 4;

    /// <summary>SHF_COMPRESSED.</summary>
    public const ulong Compressed = 0x800;

    /// <summary>The address behind its last byte.</summary>
    public ulong End => Address + Size;
}
