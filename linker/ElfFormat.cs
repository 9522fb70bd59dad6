namespace Xenlet.Linker;

/// <summary>Numbers of the ELF64 format (System V gABI, and the x86-64 psABI for relocations).</summary>
internal static class ElfFormat
{
    public const int HeaderSize = 64, SectionHeaderSize = 64, SymbolSize = 24, RelaSize = 24;

    /// <summary>Offsets in the file header.</summary>
    public const int HeaderType = 16, HeaderMachine = 18, HeaderVersion = 20, HeaderSectionOffset = 40, HeaderOwnSize = 52,
        HeaderSectionEntrySize = 58, HeaderSectionCount = 60, HeaderSectionNames = 62;

    /// <summary>Offsets in a section header.</summary>
    public const int SectionName =
        0, SectionType = 4, SectionFlags = 8, SectionOffset = 24, SectionSize = 32, SectionLink = 40, SectionInfo = 44,
        SectionAlignment = 48, SectionEntrySize = 56;

    /// <summary>Offsets in a symbol.</summary>
    public const int SymbolName = 0, SymbolInfo = 4, SymbolSection = 6, SymbolValue = 8, SymbolBytes = 16;

    /// <summary>Offsets in a relocation with addend.</summary>
    public const int RelaOffset = 0, RelaType = 8, RelaSymbol = 12, RelaAddend = 16;

    public const ushort ET_REL = 1, EM_X86_64 = 62;

    public const uint SHT_NULL = 0, SHT_PROGBITS = 1, SHT_SYMTAB = 2, SHT_STRTAB = 3, SHT_RELA = 4, SHT_NOTE = 7, SHT_NOBITS = 8;

    public const ulong SHF_WRITE = 1, SHF_ALLOC = 2, SHF_EXECINSTR = 4, SHF_INFO_LINK = 0x40;

    public const byte STB_GLOBAL = 1, STT_OBJECT = 1, STT_FUNC = 2, STT_SECTION = 3;

    public const int SHN_UNDEF = 0;

    /// <summary>Section indexes from here on are reserved.</summary>
    public const int SHN_LORESERVE = 0xFF00;

    public static ReadOnlySpan<byte> Magic => [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
}
