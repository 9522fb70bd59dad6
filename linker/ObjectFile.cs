using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Linker;

/// <summary>An invalid object file. The message names the file and the defect.</summary>
public sealed class BadObjectException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">The file.</param>
    /// <param name="what">The defect.</param>
    public BadObjectException(string file, string what)
        : base($"{file}: {what}")
    {
    }
}

/// <summary>A section header of an object file.</summary>
/// <param name="Index">Its index.</param>
/// <param name="Name">Its name.</param>
/// <param name="Type">SHT_ value.</param>
/// <param name="Flags">SHF_ bits.</param>
/// <param name="Offset">File offset of its contents.</param>
/// <param name="Size">Size in bytes. A section without contents takes no space in the file.</param>
/// <param name="Link">Index of the symbol or string table that it uses.</param>
/// <param name="Info">For relocations, the index of the section they apply to.</param>
/// <param name="Alignment">Alignment of its first byte.</param>
public sealed record SectionHeader(int Index, string Name, uint Type, ulong Flags, int Offset, int Size, int Link, int Info, int Alignment);

/// <summary>
/// A view of an ELF64 relocatable object for x86-64 in the caller's array. All offsets are checked against the array when the view is
/// created, so that later code can index freely. Symbols and relocations are read in place, since there may be hundreds of thousands.
/// </summary>
public sealed class ObjectFile
{
    private readonly byte[] _bytes;
    private readonly SectionHeader _symbolTable;
    private readonly SectionHeader _symbolNames;

    /// <summary>Creates a view of an object file.</summary>
    /// <param name="file">Its name, for messages.</param>
    /// <param name="bytes">Its contents. The view keeps a reference to the array.</param>
    /// <exception cref="BadObjectException">It is not such an object, or it is damaged.</exception>
    public ObjectFile(string file, byte[] bytes)
    {
        Name = file;
        _bytes = bytes;
        if (bytes.Length < ElfFormat.HeaderSize || !bytes.AsSpan().StartsWith(ElfFormat.Magic))
        {
            throw Bad("not a 64-bit little-endian ELF file");
        }

        if (Read16(ElfFormat.HeaderType) != ElfFormat.ET_REL || Read16(ElfFormat.HeaderMachine) != ElfFormat.EM_X86_64)
        {
            throw Bad("not a relocatable object for x86-64");
        }

        Sections = ReadSections();
        List<SectionHeader> tables = Sections.Where(s => s.Type == ElfFormat.SHT_SYMTAB).ToList();
        if (tables.Count != 1)
        {
            throw Bad($"has {tables.Count} symbol tables, not one");
        }

        _symbolTable = tables[0];
        _symbolNames = StringTable(_symbolTable.Link);
        if (_symbolNames.Size == 0 || bytes[_symbolNames.Offset + _symbolNames.Size - 1] != 0)
        {
            throw Bad($"the string table {_symbolNames.Name} does not end in a zero byte");
        }

        SymbolCount = _symbolTable.Size / ElfFormat.SymbolSize;
        for (int i = 0; i < SymbolCount; i++)
        {
            if (Read32(SymbolAt(i) + ElfFormat.SymbolName) is var name && (name < 0 || name >= _symbolNames.Size))
            {
                throw Bad($"the name of symbol {i} lies outside the string table {_symbolNames.Name}");
            }
        }
    }

    /// <summary>The file's name.</summary>
    public string Name { get; }

    /// <summary>All section headers, including the empty one at index 0.</summary>
    public IReadOnlyList<SectionHeader> Sections { get; }

    /// <summary>The number of symbols, including the empty one at index 0.</summary>
    public int SymbolCount { get; }

    /// <summary>The contents of a section. Changes are made in the array of the view.</summary>
    /// <param name="section">The section.</param>
    /// <returns>Its bytes, or none for a section that takes no space in the file.</returns>
    public Span<byte> Contents(SectionHeader section) =>
        section.Type is ElfFormat.SHT_NOBITS or ElfFormat.SHT_NULL ? [] : _bytes.AsSpan(section.Offset, section.Size);

    /// <summary>A symbol's name as stored in the file.</summary>
    /// <param name="symbol">The symbol's index.</param>
    /// <returns>The name in UTF-8.</returns>
    public ReadOnlySpan<byte> SymbolName(int symbol)
    {
        int start = Read32(SymbolAt(symbol) + ElfFormat.SymbolName);
        Span<byte> rest = _bytes.AsSpan(_symbolNames.Offset + start, _symbolNames.Size - start);
        return rest[..rest.IndexOf((byte)0)];
    }

    /// <summary>The index of the section that a symbol lies in: 0 for an undefined symbol; special values are above all sections.</summary>
    /// <param name="symbol">The symbol's index.</param>
    /// <returns>The index.</returns>
    public int SymbolSection(int symbol) => Read16(SymbolAt(symbol) + ElfFormat.SymbolSection);

    /// <summary>A symbol's offset in its section.</summary>
    /// <param name="symbol">The symbol's index.</param>
    /// <returns>The offset.</returns>
    public ulong SymbolValue(int symbol) => Read64(SymbolAt(symbol) + ElfFormat.SymbolValue);

    /// <summary>A symbol's size in bytes.</summary>
    /// <param name="symbol">The symbol's index.</param>
    /// <returns>The number.</returns>
    public ulong SymbolSize(int symbol) => Read64(SymbolAt(symbol) + ElfFormat.SymbolBytes);

    /// <summary>Whether a symbol names a function.</summary>
    /// <param name="symbol">The symbol's index.</param>
    /// <returns>True if so.</returns>
    public bool IsFunction(int symbol) => (_bytes[SymbolAt(symbol) + ElfFormat.SymbolInfo] & 0xF) == ElfFormat.STT_FUNC;

    /// <summary>Whether a symbol represents its section.</summary>
    /// <param name="symbol">The symbol's index.</param>
    /// <returns>True if so.</returns>
    public bool IsSection(int symbol) => (_bytes[SymbolAt(symbol) + ElfFormat.SymbolInfo] & 0xF) == ElfFormat.STT_SECTION;

    /// <summary>Moves a symbol.</summary>
    /// <param name="symbol">The symbol's index.</param>
    /// <param name="section">Its new section, which may be the one that <see cref="WithSection"/> is going to add.</param>
    /// <param name="value">Its offset there.</param>
    public void MoveSymbol(int symbol, int section, ulong value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(SymbolAt(symbol) + ElfFormat.SymbolSection), checked((ushort)section));
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(SymbolAt(symbol) + ElfFormat.SymbolValue), value);
    }

    /// <summary>Returns a copy with one more section, after all others, that takes no space in the file.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">SHT_ value.</param>
    /// <param name="flags">SHF_ bits.</param>
    /// <param name="size">Size in bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <returns>The copy's contents.</returns>
    public byte[] WithSection(string name, uint type, ulong flags, int size, int alignment)
    {
        byte[] copy = WithHeaders(name, Sections.Count + 1, out Span<byte> headers, out int nameAt);
        Span<byte> header = headers[(Sections.Count * ElfFormat.SectionHeaderSize)..];
        BinaryPrimitives.WriteInt32LittleEndian(header[ElfFormat.SectionName..], nameAt);
        BinaryPrimitives.WriteUInt32LittleEndian(header[ElfFormat.SectionType..], type);
        BinaryPrimitives.WriteUInt64LittleEndian(header[ElfFormat.SectionFlags..], flags);
        BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionOffset..], _bytes.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionSize..], size);
        BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionAlignment..], alignment);
        return copy;
    }

    /// <summary>Returns a copy in which a section has another name and is of another kind.</summary>
    /// <param name="section">The section.</param>
    /// <param name="name">Its new name.</param>
    /// <param name="type">SHT_ value.</param>
    /// <param name="flags">SHF_ bits.</param>
    /// <returns>The copy's contents.</returns>
    public byte[] WithRenamed(SectionHeader section, string name, uint type, ulong flags)
    {
        byte[] copy = WithHeaders(name, Sections.Count, out Span<byte> headers, out int nameAt);
        Span<byte> header = headers[(section.Index * ElfFormat.SectionHeaderSize)..];
        BinaryPrimitives.WriteInt32LittleEndian(header[ElfFormat.SectionName..], nameAt);
        BinaryPrimitives.WriteUInt32LittleEndian(header[ElfFormat.SectionType..], type);
        BinaryPrimitives.WriteUInt64LittleEndian(header[ElfFormat.SectionFlags..], flags);
        return copy;
    }

    /// <summary>Finds a symbol.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Its index.</returns>
    /// <exception cref="BadObjectException">There is no such symbol.</exception>
    public int FindSymbol(string name)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(name);
        for (int i = 1; i < SymbolCount; i++)
        {
            if (SymbolName(i).SequenceEqual(wanted))
            {
                return i;
            }
        }

        throw Bad($"has no symbol {name}");
    }

    /// <summary>Creates an exception that names this file.</summary>
    /// <param name="what">The defect.</param>
    /// <returns>The exception.</returns>
    public BadObjectException Bad(string what) => new(Name, what);

    /// <summary>
    /// A copy with one more name of a section and room for headers. The table of names grows, so it and the headers are appended to the
    /// file. The old ones stay in place, but nothing refers to them any more.
    /// </summary>
    private byte[] WithHeaders(string name, int count, out Span<byte> headers, out int nameAt)
    {
        SectionHeader names = Sections[Read16(ElfFormat.HeaderSectionNames)];
        byte[] newNames = [.. Contents(names), .. Encoding.UTF8.GetBytes(name), 0];
        int namesAt = _bytes.Length;
        int headersAt = (namesAt + newNames.Length + 7) & -8;
        byte[] copy = new byte[headersAt + (count * ElfFormat.SectionHeaderSize)];
        _bytes.CopyTo(copy, 0);
        newNames.CopyTo(copy, namesAt);
        headers = copy.AsSpan(headersAt);
        _bytes.AsSpan((int)Read64(ElfFormat.HeaderSectionOffset), Sections.Count * ElfFormat.SectionHeaderSize).CopyTo(headers);
        Span<byte> header = headers[(names.Index * ElfFormat.SectionHeaderSize)..];
        BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionOffset..], namesAt);
        BinaryPrimitives.WriteInt64LittleEndian(header[ElfFormat.SectionSize..], newNames.Length);
        BinaryPrimitives.WriteInt64LittleEndian(copy.AsSpan(ElfFormat.HeaderSectionOffset), headersAt);
        BinaryPrimitives.WriteUInt16LittleEndian(copy.AsSpan(ElfFormat.HeaderSectionCount), checked((ushort)count));
        nameAt = names.Size;
        return copy;
    }

    private int SymbolAt(int symbol) => _symbolTable.Offset + (symbol * ElfFormat.SymbolSize);

    private SectionHeader StringTable(int index) =>
        index > 0 && index < Sections.Count && Sections[index].Type == ElfFormat.SHT_STRTAB
            ? Sections[index]
            : throw Bad($"section {index}, which should hold the names of the symbols, is not a string table");

    private SectionHeader[] ReadSections()
    {
        ushort count = Read16(ElfFormat.HeaderSectionCount);
        ushort names = Read16(ElfFormat.HeaderSectionNames);
        ulong table = Read64(ElfFormat.HeaderSectionOffset);
        if (count == 0 || names >= count || names >= ElfFormat.SHN_LORESERVE)
        {
            throw Bad($"has {count} sections and their names in section {names}");
        }

        if (table > (ulong)_bytes.Length || (ulong)_bytes.Length - table < (ulong)count * ElfFormat.SectionHeaderSize)
        {
            throw Bad($"the section headers lie outside the file of {_bytes.Length} bytes");
        }

        if (Read32((int)table + (names * ElfFormat.SectionHeaderSize) + ElfFormat.SectionType) != (int)ElfFormat.SHT_STRTAB)
        {
            throw Bad($"section {names}, which should hold the names of the sections, is not a string table");
        }

        (int nameTable, int nameTableSize) = Extent((int)table, names);
        SectionHeader[] sections = new SectionHeader[count];
        for (int i = 0; i < count; i++)
        {
            int header = (int)table + (i * ElfFormat.SectionHeaderSize);
            (int offset, int size) = Extent((int)table, i);
            sections[i] = new SectionHeader(
                i,
                ReadName(nameTable, nameTableSize, Read32(header + ElfFormat.SectionName)),
                (uint)Read32(header + ElfFormat.SectionType),
                Read64(header + ElfFormat.SectionFlags),
                offset,
                size,
                Read32(header + ElfFormat.SectionLink),
                Read32(header + ElfFormat.SectionInfo),
                (int)Math.Min(Read64(header + ElfFormat.SectionAlignment), int.MaxValue));
        }

        return sections;
    }

    private (int Offset, int Size) Extent(int table, int index)
    {
        int header = table + (index * ElfFormat.SectionHeaderSize);
        ulong offset = Read64(header + ElfFormat.SectionOffset);
        ulong size = Read64(header + ElfFormat.SectionSize);
        bool inFile = (uint)Read32(header + ElfFormat.SectionType) is not (ElfFormat.SHT_NOBITS or ElfFormat.SHT_NULL);
        if (inFile && (offset > (ulong)_bytes.Length || size > (ulong)_bytes.Length - offset))
        {
            throw Bad($"section {index} lies outside the file of {_bytes.Length} bytes");
        }

        return ((int)Math.Min(offset, int.MaxValue), (int)Math.Min(size, int.MaxValue));
    }

    private string ReadName(int table, int size, int name)
    {
        if (name < 0 || name > size)
        {
            throw Bad($"a section's name lies outside the table of names, at {name}");
        }

        Span<byte> rest = _bytes.AsSpan(table + name, size - name);
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private ushort Read16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(offset));

    private int Read32(int offset) => BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(offset));

    private ulong Read64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(offset));
}
