using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Linker;

/// <summary>The kind of thing a symbol names.</summary>
public enum SymbolKind
{
    /// <summary>STT_NOTYPE.</summary>
    None = 0,

    /// <summary>STT_OBJECT: data.</summary>
    Data = ElfFormat.STT_OBJECT,

    /// <summary>STT_FUNC: code.</summary>
    Function = ElfFormat.STT_FUNC,
}

/// <summary>A section of an object file to be written.</summary>
public sealed class ObjectSection
{
    internal ObjectSection(string name, uint type, ulong flags, int index)
    {
        Name = name;
        Type = type;
        Flags = flags;
        Index = index;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its current size in bytes.</summary>
    public int Size { get; private set; }

    internal uint Type { get; }

    internal ulong Flags { get; }

    internal int Index { get; }

    internal int Alignment { get; private set; } = 1;

    internal MemoryStream Contents { get; } = new();

    internal List<Relocation> Relocations { get; } = [];

    /// <summary>Appends bytes at the next aligned offset. Fills gaps in code with breakpoints, which stop stray execution.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="relocations">Relocations, with offsets from the first of these bytes.</param>
    /// <returns>The offset of the first byte in the section.</returns>
    public int Append(ReadOnlySpan<byte> bytes, int alignment, IEnumerable<Relocation> relocations)
    {
        int start = Align(alignment);
        Contents.Write(bytes);
        Size += bytes.Length;
        Relocations.AddRange(relocations.Select(r => r with { Offset = start + r.Offset }));
        return start;
    }

    /// <summary>Reserves zero bytes in a section that takes no space in the file.</summary>
    /// <param name="size">Their number.</param>
    /// <param name="alignment">A power of two.</param>
    /// <returns>The offset of the first byte.</returns>
    public int Reserve(int size, int alignment)
    {
        int start = Align(alignment);
        Size += size;
        return start;
    }

    private int Align(int alignment)
    {
        Alignment = Math.Max(Alignment, alignment);
        int start = (Size + alignment - 1) & -alignment;
        if (Type != ElfFormat.SHT_NOBITS)
        {
            byte filler = (Flags & ElfFormat.SHF_EXECINSTR) != 0 ? (byte)0xCC : (byte)0;
            for (; Size < start; Size++)
            {
                Contents.WriteByte(filler);
            }
        }

        Size = start;
        return start;
    }
}

/// <summary>Writes an ELF64 relocatable object for x86-64 with global symbols only.</summary>
public sealed class ObjectWriter
{
    private readonly List<ObjectSection> _sections = [];
    private readonly List<Symbol> _symbols = [];
    private readonly Dictionary<string, int> _symbolIndexes = [];

    /// <summary>Adds a section of code.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The empty section.</returns>
    public ObjectSection AddCode(string name) => Add(name, ElfFormat.SHT_PROGBITS, ElfFormat.SHF_ALLOC | ElfFormat.SHF_EXECINSTR);

    /// <summary>Adds a section of data that nobody writes.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The empty section.</returns>
    public ObjectSection AddConstants(string name) => Add(name, ElfFormat.SHT_PROGBITS, ElfFormat.SHF_ALLOC);

    /// <summary>Adds a section of writable data.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The empty section.</returns>
    public ObjectSection AddData(string name) => Add(name, ElfFormat.SHT_PROGBITS, ElfFormat.SHF_ALLOC | ElfFormat.SHF_WRITE);

    /// <summary>Adds a section of zero-initialised writable data, which takes no space in the file.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The empty section.</returns>
    public ObjectSection AddZeros(string name) => Add(name, ElfFormat.SHT_NOBITS, ElfFormat.SHF_ALLOC | ElfFormat.SHF_WRITE);

    /// <summary>Adds a section of ELF notes.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The empty section.</returns>
    public ObjectSection AddNotes(string name) => Add(name, ElfFormat.SHT_NOTE, ElfFormat.SHF_ALLOC);

    /// <summary>Adds a section that is not part of the loaded image.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The empty section.</returns>
    public ObjectSection AddMarker(string name) => Add(name, ElfFormat.SHT_PROGBITS, 0);

    /// <summary>Defines a global symbol.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="section">The section it lies in.</param>
    /// <param name="offset">Its offset there.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="kind">What it names.</param>
    public void Define(string name, ObjectSection section, int offset, int size, SymbolKind kind)
    {
        if (!_symbolIndexes.TryAdd(name, _symbols.Count + 1))
        {
            throw new InvalidOperationException($"The symbol {name} is defined twice.");
        }

        _symbols.Add(new Symbol(name, section.Index, offset, size, kind));
    }

    /// <summary>Writes the object. Symbols that relocations use but nobody defined become undefined symbols.</summary>
    /// <returns>The file's contents.</returns>
    public byte[] Write()
    {
        foreach (string? name in _sections.SelectMany(s => s.Relocations).Select(r => r.Symbol))
        {
            if (_symbolIndexes.TryAdd(name, _symbols.Count + 1))
            {
                _symbols.Add(new Symbol(name, ElfFormat.SHN_UNDEF, 0, 0, SymbolKind.None));
            }
        }

        List<ObjectSection> relocated = _sections.Where(s => s.Relocations.Count > 0).ToList();
        int symbolTable = _sections.Count + relocated.Count + 1;
        int stringTable = symbolTable + 1;
        int sectionNames = symbolTable + 2;

        StringTableBuilder names = new();
        StringTableBuilder symbolNames = new();
        MemoryStream headers = new();
        headers.Write(new byte[ElfFormat.SectionHeaderSize]);
        MemoryStream file = new();
        file.Write(new byte[ElfFormat.HeaderSize]);

        foreach (ObjectSection section in _sections)
        {
            AddSection(section.Name, section.Type, section.Flags, section.Alignment, section.Contents.ToArray(), section.Size);
        }

        foreach (ObjectSection section in relocated)
        {
            AddSection(".rela" + section.Name, ElfFormat.SHT_RELA, ElfFormat.SHF_INFO_LINK, 8, Relocations(
                section), null, symbolTable, section.Index, ElfFormat.RelaSize);
        }

        // The index of the first global symbol is 1: the null symbol is the only local one.
        AddSection(".symtab", ElfFormat.SHT_SYMTAB, 0, 8, Symbols(symbolNames), null, stringTable, 1, ElfFormat.SymbolSize);
        AddSection(".strtab", ElfFormat.SHT_STRTAB, 0, 1, symbolNames.ToArray());
        int ownName = names.Add(".shstrtab");
        AddSectionAt(ownName, ElfFormat.SHT_STRTAB, 0, 1, names.ToArray(), null, 0, 0, 0);

        Pad(8);
        long sectionOffset = file.Length;
        headers.WriteTo(file);
        byte[] bytes = file.ToArray();
        WriteHeader(bytes, sectionOffset, sectionNames);
        return bytes;

        void AddSection(
            string name,
            uint type,
            ulong flags,
            int alignment,
            byte[] contents,
            int? size = null,
            int link = 0,
            int info = 0,
            int entrySize = 0) =>
            AddSectionAt(names.Add(name), type, flags, alignment, contents, size, link, info, entrySize);

        void AddSectionAt(int name, uint type, ulong flags, int alignment, byte[] contents, int? size, int link, int info, int entrySize)
        {
            Pad(alignment);
            Span<byte> header = stackalloc byte[ElfFormat.SectionHeaderSize];
            header.Clear();
            BinaryPrimitives.WriteInt32LittleEndian(header[ElfFormat.SectionName..], name);
            BinaryPrimitives.WriteUInt32LittleEndian(header[ElfFormat.SectionType..], type);
            BinaryPrimitives.WriteUInt64LittleEndian(header[ElfFormat.SectionFlags..], flags);
            BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionOffset..], file.Length);
            BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionSize..], size ?? contents.Length);
            BinaryPrimitives.WriteInt32LittleEndian(header[ElfFormat.SectionLink..], link);
            BinaryPrimitives.WriteInt32LittleEndian(header[ElfFormat.SectionInfo..], info);
            BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionAlignment..], alignment);
            BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionEntrySize..], entrySize);
            headers.Write(header);
            file.Write(contents);
        }

        void Pad(int alignment)
        {
            while (file.Length % alignment != 0)
            {
                file.WriteByte(0);
            }
        }
    }

    private static void WriteHeader(Span<byte> bytes, long sectionOffset, int sectionNames)
    {
        ElfFormat.Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[ElfFormat.HeaderType..], ElfFormat.ET_REL);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[ElfFormat.HeaderMachine..], ElfFormat.EM_X86_64);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ElfFormat.HeaderVersion..], 1);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[ElfFormat.HeaderSectionOffset..], sectionOffset);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[ElfFormat.HeaderOwnSize..], ElfFormat.HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[ElfFormat.HeaderSectionEntrySize..], ElfFormat.SectionHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[ElfFormat.HeaderSectionCount..], checked((ushort)(sectionNames + 1)));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[ElfFormat.HeaderSectionNames..], checked((ushort)sectionNames));
    }

    /// <summary>Adds a section of any type.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">SHT_ value.</param>
    /// <param name="flags">SHF_ bits.</param>
    /// <returns>The empty section.</returns>
    internal ObjectSection Add(string name, uint type, ulong flags)
    {
        ObjectSection section = new(name, type, flags, _sections.Count + 1);
        _sections.Add(section);
        return section;
    }

    private byte[] Relocations(ObjectSection section)
    {
        byte[] bytes = new byte[section.Relocations.Count * ElfFormat.RelaSize];
        for (int i = 0; i < section.Relocations.Count; i++)
        {
            Relocation relocation = section.Relocations[i];
            Span<byte> entry = bytes.AsSpan(i * ElfFormat.RelaSize);
            BinaryPrimitives.WriteInt64LittleEndian(entry, relocation.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(entry[ElfFormat.RelaType..], (int)relocation.Type);
            BinaryPrimitives.WriteInt32LittleEndian(entry[ElfFormat.RelaSymbol..], _symbolIndexes[relocation.Symbol]);
            BinaryPrimitives.WriteInt64LittleEndian(entry[ElfFormat.RelaAddend..], relocation.Addend);
        }

        return bytes;
    }

    private byte[] Symbols(StringTableBuilder names)
    {
        byte[] bytes = new byte[(_symbols.Count + 1) * ElfFormat.SymbolSize];
        for (int i = 0; i < _symbols.Count; i++)
        {
            Symbol symbol = _symbols[i];
            Span<byte> entry = bytes.AsSpan((i + 1) * ElfFormat.SymbolSize);
            BinaryPrimitives.WriteInt32LittleEndian(entry, names.Add(symbol.Name));
            entry[ElfFormat.SymbolInfo] = (byte)((ElfFormat.STB_GLOBAL << 4) | (int)symbol.Kind);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[ElfFormat.SymbolSection..], checked((ushort)symbol.Section));
            BinaryPrimitives.WriteInt64LittleEndian(entry[ElfFormat.SymbolValue..], symbol.Value);
            BinaryPrimitives.WriteInt64LittleEndian(entry[ElfFormat.SymbolBytes..], symbol.Size);
        }

        return bytes;
    }

    private sealed record Symbol(string Name, int Section, int Value, int Size, SymbolKind Kind);

    /// <summary>Names with terminating zero bytes. Offset 0 is the empty name.</summary>
    private sealed class StringTableBuilder
    {
        private readonly List<byte> _bytes = [0];

        public int Add(string name)
        {
            int offset = _bytes.Count;
            _bytes.AddRange(Encoding.UTF8.GetBytes(name));
            _bytes.Add(0);
            return offset;
        }

        public byte[] ToArray() => [.. _bytes];
    }
}
