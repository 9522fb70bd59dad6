using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Build;

/// <summary>A function's name and where in it an address lies.</summary>
/// <param name="Name">The name, made readable where the compiler mangled it.</param>
/// <param name="Offset">Bytes from its beginning.</param>
internal readonly record struct SymbolOffset(string Name, ulong Offset);

/// <summary>The functions of an ELF64 little-endian file's <c>.symtab</c>, by address (System V ABI, chapter 4, and its x86-64 supplement).</summary>
internal sealed class ElfSymbolTable
{
    private const uint SHT_SYMTAB = 2;
    private const int STT_NOTYPE = 0;
    private const int STT_FUNC = 2;
    private const int SHN_UNDEF = 0;
    private const int SHN_LORESERVE = 0xff00;
    private const int SymbolSize = 24;

    /// <summary>The section in which the NativeAOT compiler puts all compiled C#.</summary>
    private const string ManagedSection = "__managedcode";

    private readonly Symbol[] _symbols;

    private ElfSymbolTable(Symbol[] symbols) => _symbols = symbols;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">It is not such a file, it is damaged, or it has no symbols.</exception>
    public static ElfSymbolTable Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        try
        {
            return Read(file);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidDataException($"{path} is a damaged ELF file: it refers to what lies outside it.");
        }
        catch (InvalidDataException failure)
        {
            throw new InvalidDataException($"{path}: {failure.Message}", failure);
        }
    }

    /// <summary>The function that covers an address.</summary>
    /// <returns>The function whose bytes include <paramref name="address"/>, or the nearest one below if that states no size.</returns>
    public SymbolOffset? Find(ulong address)
    {
        int low = 0;
        int high = _symbols.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_symbols[middle].Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        if (low == 0)
        {
            return null;
        }

        Symbol symbol = _symbols[low - 1];
        ulong offset = address - symbol.Address;
        ulong extent = symbol.Size != 0 ? symbol.Size : symbol.SectionEnd - symbol.Address;
        return offset < extent ? new SymbolOffset(symbol.IsManaged ? ManagedName.Readable(symbol.Name) : symbol.Name, offset) : null;
    }

    private static ElfSymbolTable Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < 64 || !file[..6].SequenceEqual("\u007fELF\u0002\u0001"u8))
        {
            throw new InvalidDataException("not an ELF64 little-endian file.");
        }

        ulong headers = U64(file, 0x28);
        int entrySize = U16(file, 0x3a);
        int count = U16(file, 0x3c);
        int namesIndex = U16(file, 0x3e);
        Section[] sections = new Section[count];
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> header = Slice(file, headers + ((ulong)index * (ulong)entrySize), 64);
            sections[index] = new Section(
                U32(header, 0), U32(header, 4), U64(header, 0x10), U64(header, 0x18), U64(header, 0x20), (int)U32(header, 0x28));
        }

        foreach (Section table in sections)
        {
            if (table.Type == SHT_SYMTAB)
            {
                return new ElfSymbolTable(ReadSymbols(file, sections, table, namesIndex));
            }
        }

        throw new InvalidDataException("no symbol table (.symtab).");
    }

    private static Symbol[] ReadSymbols(ReadOnlySpan<byte> file, Section[] sections, Section table, int namesIndex)
    {
        if (table.Link >= sections.Length || namesIndex >= sections.Length)
        {
            throw new InvalidDataException("its symbol table refers to a section that is not there.");
        }

        bool[] managed = new bool[sections.Length];
        ReadOnlySpan<byte> sectionNames = Contents(file, sections[namesIndex]);
        for (int index = 0; index < sections.Length; index++)
        {
            managed[index] = Text(sectionNames, sections[index].Name) == ManagedSection;
        }

        ReadOnlySpan<byte> names = Contents(file, sections[table.Link]);
        ReadOnlySpan<byte> symbols = Contents(file, table);
        List<Symbol> found = [];
        for (; symbols.Length >= SymbolSize; symbols = symbols[SymbolSize..])
        {
            int type = symbols[4] & 0xf;
            int section = U16(symbols, 6);
            if (type is STT_FUNC or STT_NOTYPE && section is > SHN_UNDEF and < SHN_LORESERVE && section < sections.Length)
            {
                string name = Text(names, U32(symbols, 0));
                Section home = sections[section];
                if (name.Length > 0)
                {
                    found.Add(new Symbol(U64(symbols, 8), U64(symbols, 16), home.Address + home.Size, name, type == STT_FUNC, managed[section]));
                }
            }
        }

        // Of several names for one address the last is found: prefer functions with a size over labels.
        return [.. found.OrderBy(symbol => symbol.Address).ThenBy(symbol => symbol.IsFunction).ThenBy(symbol => symbol.Size)];
    }

    private static ReadOnlySpan<byte> Contents(ReadOnlySpan<byte> file, Section section) => Slice(file, section.Offset, section.Size);

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> file, ulong offset, ulong length) =>
        offset <= (ulong)file.Length && length <= (ulong)file.Length - offset
            ? file.Slice((int)offset, (int)length)
            : throw new ArgumentOutOfRangeException(nameof(offset));

    private static string Text(ReadOnlySpan<byte> strings, uint offset)
    {
        ReadOnlySpan<byte> rest = Slice(strings, offset, (ulong)strings.Length - Math.Min(offset, (ulong)strings.Length));
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static int U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private readonly record struct Section(uint Name, uint Type, ulong Address, ulong Offset, ulong Size, int Link);

    private readonly record struct Symbol(ulong Address, ulong Size, ulong SectionEnd, string Name, bool IsFunction, bool IsManaged);
}
