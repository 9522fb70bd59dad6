using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Xenlet.Elf;

/// <summary>
/// Reads a 64-bit little-endian ELF file (System V gABI, chapters 4 and 5). Whatever the file says of itself is checked before it is used:
/// one that is damaged or cut short is refused with <see cref="InvalidDataException"/>, whose message names it.
/// </summary>
internal sealed class ElfReader
{
    private const int HeaderSize = 64;
    private const int SegmentSize = 56;
    private const int SectionSize = 64;
    private const int SymbolSize = 24;
    private const int CompressionHeaderSize = 24;
    private const int NoteHeaderSize = 12;

    /// <summary>ELFCOMPRESS_ZLIB.</summary>
    private const uint ZlibCompression = 1;

    /// <summary>No section of an image has as much: a damaged size is not to take the memory.</summary>
    private const ulong LargestSection = 1 << 30;

    private readonly ReadOnlyMemory<byte> _file;
    private readonly string _name;
    private readonly int _nameSection;

    /// <summary>Reads the tables of segments and sections.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <exception cref="InvalidDataException">It is no such file, or a table lies outside it.</exception>
    public ElfReader(ReadOnlyMemory<byte> file, string name)
    {
        _file = file;
        _name = name;
        if (!IsElf(file.Span))
        {
            throw new InvalidDataException($"{name} is not a 64-bit little-endian ELF file.");
        }

        ReadOnlySpan<byte> header = file.Span;
        Segments = ReadTable(U64(header, 0x20), U16(header, 0x36), U16(header, 0x38), SegmentSize, entry => new ElfSegment(
            U32(entry, 0), U32(entry, 4), U64(entry, 8), U64(entry, 0x10), U64(entry, 0x18), U64(entry, 0x20), U64(entry, 0x28)));
        Sections = ReadTable(U64(header, 0x28), U16(header, 0x3a), U16(header, 0x3c), SectionSize, entry => new ElfSection(
            U32(entry, 0), U32(entry, 4), U64(entry, 8), U64(entry, 0x10), U64(entry, 0x18), U64(entry, 0x20), U32(entry, 0x28)));
        _nameSection = U16(header, 0x3e);
    }

    private delegate T EntryReader<T>(ReadOnlySpan<byte> entry);

    /// <summary>All program headers, in the file's order.</summary>
    public IReadOnlyList<ElfSegment> Segments { get; }

    /// <summary>All section headers, by their index.</summary>
    public IReadOnlyList<ElfSection> Sections { get; }

    /// <summary>True when the bytes begin like a 64-bit little-endian ELF file.</summary>
    public static bool IsElf(ReadOnlySpan<byte> file) => file.Length >= HeaderSize && file.StartsWith("\u007fELF\u0002\u0001"u8);

    /// <summary>The bytes that the file has of a segment.</summary>
    public ReadOnlyMemory<byte> Contents(ElfSegment segment) => Slice(segment.Offset, segment.FileSize);

    /// <summary>The bytes that the file has of a section.</summary>
    public ReadOnlyMemory<byte> Contents(ElfSection section) =>
        section.Type == ElfSection.WithoutContents ? default : Slice(section.Offset, section.Size);

    /// <summary>The bytes that a section had before it was compressed, if it was (SHF_COMPRESSED).</summary>
    /// <exception cref="InvalidDataException">They cannot be had again.</exception>
    public ReadOnlyMemory<byte> Uncompressed(ElfSection section)
    {
        ReadOnlyMemory<byte> contents = Contents(section);
        if ((section.Flags & ElfSection.Compressed) == 0)
        {
            return contents;
        }

        ReadOnlySpan<byte> header = contents.Span;
        if (header.Length < CompressionHeaderSize || U32(header, 0) != ZlibCompression || U64(header, 8) > LargestSection)
        {
            throw new InvalidDataException($"{_name} has a section that is not compressed by zlib, or is damaged.");
        }

        byte[] bytes = new byte[U64(header, 8)];
        using ZLibStream stream = new(new MemoryStream(contents[CompressionHeaderSize..].ToArray()), CompressionMode.Decompress);
        return stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length ? bytes : throw Outside();
    }

    /// <summary>The first section of a name.</summary>
    public ElfSection? FindSection(string name)
    {
        foreach (ElfSection section in Sections)
        {
            if (NameOf(section) == name)
            {
                return section;
            }
        }

        return null;
    }

    /// <summary>The notes of all segments of notes, in the file's order.</summary>
    /// <exception cref="InvalidDataException">One is cut short.</exception>
    public IReadOnlyList<ElfNote> Notes()
    {
        List<ElfNote> notes = [];
        foreach (ElfSegment segment in Segments.Where(segment => segment.Type == ElfSegment.Note))
        {
            for (ReadOnlyMemory<byte> rest = Contents(segment); rest.Length >= NoteHeaderSize;)
            {
                uint nameSize = U32(rest.Span, 0);
                uint valueSize = U32(rest.Span, 4);
                ulong valueAt = NoteHeaderSize + (((ulong)nameSize + 3) & ~3UL);
                ulong end = valueAt + (((ulong)valueSize + 3) & ~3UL);
                if (valueAt + valueSize > (ulong)rest.Length)
                {
                    throw Outside();
                }

                notes.Add(new(
                    Text(rest.Span.Slice(NoteHeaderSize, (int)nameSize), 0),
                    U32(rest.Span, 8),
                    rest.Slice((int)valueAt, (int)valueSize)));
                rest = end < (ulong)rest.Length ? rest[(int)end..] : default;
            }
        }

        return notes;
    }

    /// <summary>A section's name.</summary>
    public string NameOf(ElfSection section) => Text(Contents(SectionAt((uint)_nameSection)).Span, section.NameOffset);

    /// <summary>A text that ends with a zero byte, at an offset in the file.</summary>
    public string TextAt(ulong offset) => Text(_file.Span, offset);

    /// <summary>The symbols of <c>.symtab</c>, in its order.</summary>
    /// <exception cref="InvalidDataException">There is no such table, or it refers to what is not there.</exception>
    public IReadOnlyList<ElfSymbol> Symbols()
    {
        ElfSection table = Sections.FirstOrDefault(section => section.Type == ElfSection.SymbolTable);
        if (table.Type != ElfSection.SymbolTable)
        {
            throw new InvalidDataException($"{_name} has no symbol table (.symtab).");
        }

        ReadOnlySpan<byte> names = Contents(SectionAt(table.Link)).Span;
        ReadOnlySpan<byte> rest = Contents(table).Span;
        List<ElfSymbol> symbols = new(rest.Length / SymbolSize);
        for (; rest.Length >= SymbolSize; rest = rest[SymbolSize..])
        {
            symbols.Add(new(Text(names, U32(rest, 0)), rest[4] & 0xf, U16(rest, 6), U64(rest, 8), U64(rest, 0x10)));
        }

        return symbols;
    }

    private ElfSection SectionAt(uint index) => index < Sections.Count
        ? Sections[(int)index]
        : throw new InvalidDataException($"{_name} refers to a section that is not there.");

    private T[] ReadTable<T>(ulong offset, int entrySize, int count, int leastSize, EntryReader<T> read)
    {
        if (count == 0)
        {
            return [];
        }

        if (entrySize < leastSize)
        {
            throw Outside();
        }

        ReadOnlySpan<byte> table = Slice(offset, (ulong)entrySize * (ulong)count).Span;
        T[] entries = new T[count];
        for (int i = 0; i < count; i++)
        {
            entries[i] = read(table.Slice(i * entrySize, entrySize));
        }

        return entries;
    }

    private ReadOnlyMemory<byte> Slice(ulong offset, ulong length) =>
        offset <= (ulong)_file.Length && length <= (ulong)_file.Length - offset ? _file.Slice((int)offset, (int)length) : throw Outside();

    private string Text(ReadOnlySpan<byte> strings, ulong offset)
    {
        if (offset > (ulong)strings.Length)
        {
            throw Outside();
        }

        ReadOnlySpan<byte> rest = strings[(int)offset..];
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private InvalidDataException Outside() => new($"{_name} is a damaged ELF file: it refers to what lies outside it.");

    private static int U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
