using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>Reads a <see cref="CodeImage"/> from a 64-bit little-endian ELF program.</summary>
internal static class ElfCode
{
    private const uint SHT_PROGBITS = 1;
    private const uint SHT_SYMTAB = 2;
    private const ulong SHF_WRITE = 1;
    private const ulong SHF_ALLOC = 2;
    private const ulong SHF_EXECINSTR = 4;
    private const int STT_NOTYPE = 0;
    private const int STT_FUNC = 2;
    private const int STT_GNU_IFUNC = 10;

    // Magic number, ELFCLASS64, ELFDATA2LSB.
    private static ReadOnlySpan<byte> Identification => [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1];

    /// <summary>Reads a program.</summary>
    /// <param name="file">The program.</param>
    /// <param name="symbolFile">Where its symbols are when it was stripped: the file that <c>objcopy --only-keep-debug</c> made.</param>
    /// <exception cref="InvalidDataException">It is not such a program, or has no symbols.</exception>
    public static CodeImage Load(string file, string? symbolFile = null)
    {
        byte[] bytes = File.ReadAllBytes(file);
        List<Section> sections = ReadSections(file, bytes);
        IEnumerable<(ulong, ReadOnlyMemory<byte>)> contents = sections
            .Where(section => section.Type == SHT_PROGBITS && (section.Flags & SHF_ALLOC) != 0)
            .Select(section => (section.Address, (ReadOnlyMemory<byte>)bytes.AsMemory(section.Offset, section.Size)));
        if (symbolFile is null)
        {
            return new CodeImage(ReadFunctions(file, bytes, sections), contents);
        }

        byte[] symbolBytes = File.ReadAllBytes(symbolFile);
        List<Section> symbolSections = ReadSections(symbolFile, symbolBytes);
        return new CodeImage(ReadFunctions(symbolFile, symbolBytes, symbolSections), contents)
        {
            Variables = ReadVariables(symbolFile, symbolBytes, symbolSections),
            Writable = [.. sections.Where(section => (section.Flags & SHF_WRITE) != 0)
                .Select(section => (section.Address, section.Address + (ulong)section.Size))],
        };
    }

    private static Dictionary<string, ulong> ReadVariables(string file, byte[] bytes, List<Section> sections)
    {
        Section table = SymbolTable(file, sections);
        Dictionary<string, ulong> variables = [];
        for (int offset = table.Offset; offset < table.Offset + table.Size; offset += 24)
        {
            ReadOnlySpan<byte> symbol = bytes.AsSpan(offset, 24);
            int section = BinaryPrimitives.ReadUInt16LittleEndian(symbol[6..]);
            if (section < sections.Count && (sections[section].Flags & SHF_WRITE) != 0)
            {
                // Statics of functions of libc have the same name here and there; what the tests look for has not.
                variables[Name(bytes, sections[table.Link], symbol)] = BinaryPrimitives.ReadUInt64LittleEndian(symbol[8..]);
            }
        }

        return variables;
    }

    private static Section SymbolTable(string file, List<Section> sections) =>
        sections.FirstOrDefault(section => section.Type == SHT_SYMTAB) ?? throw new InvalidDataException($"{file} has no symbols");

    private static string Name(byte[] bytes, Section names, ReadOnlySpan<byte> symbol)
    {
        int start = names.Offset + (int)BinaryPrimitives.ReadUInt32LittleEndian(symbol);
        return Encoding.UTF8.GetString(bytes, start, Array.IndexOf(bytes, (byte)0, start) - start);
    }

    private sealed record Section(uint Type, ulong Flags, ulong Address, int Offset, int Size, int Link);

    private static List<Section> ReadSections(string file, byte[] bytes)
    {
        if (bytes.Length < 64 || !bytes.AsSpan(0, 6).SequenceEqual(Identification))
        {
            throw new InvalidDataException($"{file} is not a 64-bit little-endian ELF file");
        }

        int table = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(40));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(58));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(60));
        List<Section> sections = [];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = bytes.AsSpan(table + i * size, size);
            sections.Add(new Section(
                BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
                BinaryPrimitives.ReadUInt64LittleEndian(header[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(header[16..]),
                (int)BinaryPrimitives.ReadUInt64LittleEndian(header[24..]),
                (int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..]),
                (int)BinaryPrimitives.ReadUInt32LittleEndian(header[40..])));
        }

        return sections;
    }

    private static List<Function> ReadFunctions(string file, byte[] bytes, List<Section> sections)
    {
        Section table = SymbolTable(file, sections);
        Section names = sections[table.Link];
        Dictionary<ulong, (List<string> Names, ulong Size, ulong Limit)> starts = [];
        for (int offset = table.Offset; offset < table.Offset + table.Size; offset += 24)
        {
            ReadOnlySpan<byte> symbol = bytes.AsSpan(offset, 24);
            int type = symbol[4] & 0xf;
            int section = BinaryPrimitives.ReadUInt16LittleEndian(symbol[6..]);
            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(symbol[8..]);
            ulong size = BinaryPrimitives.ReadUInt64LittleEndian(symbol[16..]);
            if (type is not (STT_NOTYPE or STT_FUNC or STT_GNU_IFUNC) || section == 0 || section >= sections.Count
                || (sections[section].Flags & SHF_EXECINSTR) == 0)
            {
                continue;
            }

            if (!starts.TryGetValue(address, out (List<string> Names, ulong Size, ulong Limit) known))
            {
                known = ([], 0, sections[section].Address + (ulong)sections[section].Size);
            }

            known.Names.Add(Name(bytes, names, symbol));
            starts[address] = known with { Size = Math.Max(known.Size, size) };
        }

        return Delimit(starts);
    }

    // A symbol with a size covers the labels within it; one without reaches to the next.
    private static List<Function> Delimit(Dictionary<ulong, (List<string> Names, ulong Size, ulong Limit)> starts)
    {
        List<Function> functions = [];
        ulong[] addresses = [.. starts.Keys.Order()];
        ulong covered = 0;
        for (int i = 0; i < addresses.Length; i++)
        {
            (List<string> names, ulong size, ulong limit) = starts[addresses[i]];
            if (size == 0 && addresses[i] < covered)
            {
                continue;
            }

            if (size == 0)
            {
                size = Math.Min(limit, i + 1 < addresses.Length ? addresses[i + 1] : limit) - addresses[i];
            }

            covered = Math.Max(covered, addresses[i] + size);
            functions.Add(new Function(names, addresses[i], (int)size));
        }

        return functions;
    }
}
