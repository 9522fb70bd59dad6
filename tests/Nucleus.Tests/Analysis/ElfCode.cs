using Xenlet.Elf;

namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>Reads a <see cref="CodeImage"/> from a 64-bit little-endian ELF program.</summary>
internal static class ElfCode
{
    /// <summary>Reads a program.</summary>
    /// <param name="file">The program.</param>
    /// <param name="symbolFile">Where its symbols are when it was stripped: the file that <c>objcopy --only-keep-debug</c> made.</param>
    /// <exception cref="InvalidDataException">It is not such a program, or has no symbols.</exception>
    public static CodeImage Load(string file, string? symbolFile = null)
    {
        ElfReader program = new(File.ReadAllBytes(file), file);
        IEnumerable<(ulong, ReadOnlyMemory<byte>)> contents = program.Sections
            .Where(section => section.Type == ElfSection.ProgramContents && (section.Flags & ElfSection.Loaded) != 0)
            .Select(section => (section.Address, program.Contents(section)));
        if (symbolFile is null)
        {
            return new CodeImage(ReadFunctions(program), contents);
        }

        ElfReader symbols = new(File.ReadAllBytes(symbolFile), symbolFile);
        return new CodeImage(ReadFunctions(symbols), contents)
        {
            Variables = ReadVariables(symbols),
            Writable = [.. program.Sections.Where(section => (section.Flags & ElfSection.Writable) != 0)
                .Select(section => (section.Address, section.End))],
        };
    }

    private static Dictionary<string, ulong> ReadVariables(ElfReader file)
    {
        Dictionary<string, ulong> variables = [];
        foreach (ElfSymbol symbol in file.Symbols().Where(symbol => LiesIn(file, symbol, ElfSection.Writable)))
        {
            // Several static variables in libc's functions have the same name; those that the tests look for do not.
            variables[symbol.Name] = symbol.Address;
        }

        return variables;
    }

    private static bool LiesIn(ElfReader file, ElfSymbol symbol, ulong flag) =>
        symbol.Section < file.Sections.Count && (file.Sections[symbol.Section].Flags & flag) != 0;

    private static List<Function> ReadFunctions(ElfReader file)
    {
        Dictionary<ulong, (List<string> Names, ulong Size, ulong Limit)> starts = [];
        foreach (ElfSymbol symbol in file.Symbols().Where(symbol => LiesIn(file, symbol, ElfSection.Executable)))
        {
            if (symbol.Type is not (ElfSymbol.Label or ElfSymbol.Function or ElfSymbol.IndirectFunction))
            {
                continue;
            }

            if (!starts.TryGetValue(symbol.Address, out (List<string> Names, ulong Size, ulong Limit) known))
            {
                known = ([], 0, file.Sections[symbol.Section].End);
            }

            known.Names.Add(symbol.Name);
            starts[symbol.Address] = known with { Size = Math.Max(known.Size, symbol.Size) };
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
