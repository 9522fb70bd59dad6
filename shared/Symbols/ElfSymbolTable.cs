using Xenlet.Elf;

namespace Xenlet.Symbols;

/// <summary>A function's name and where in it an address lies.</summary>
/// <param name="Name">The name, made readable if the compiler mangled it.</param>
/// <param name="Offset">Bytes from its start.</param>
internal readonly record struct SymbolOffset(string Name, ulong Offset);

/// <summary>
/// The functions of an ELF64 little-endian file's <c>.symtab</c>, by address (System V ABI, chapter 4, and its x86-64 supplement).
/// </summary>
internal sealed class ElfSymbolTable
{
    /// <summary>The section in which the NativeAOT compiler puts all compiled C#.</summary>
    private const string ManagedSection = "__managedcode";

    private readonly Symbol[] _symbols;

    private ElfSymbolTable(Symbol[] symbols) => _symbols = symbols;

    /// <summary>Takes the functions of a file.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or it has no symbols.</exception>
    public static ElfSymbolTable Read(ElfReader file) => new(ReadSymbols(file));

    /// <summary>The function that covers an address.</summary>
    /// <returns>
    /// The function whose bytes include <paramref name="address"/>, or the nearest one below if that one states no size.
    /// </returns>
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

    /// <summary>If several names have one address, the last is found: functions with a size are preferred to labels.</summary>
    private static Symbol[] ReadSymbols(ElfReader file)
    {
        bool[] managed = [.. file.Sections.Select(section => file.NameOf(section) == ManagedSection)];
        IEnumerable<Symbol> found =
            from symbol in file.Symbols()
            where symbol.Type is ElfSymbol.Function or ElfSymbol.Label
                && symbol.Section > 0 && symbol.Section < managed.Length
                && symbol.Name.Length > 0
            select new Symbol(
                symbol.Address, symbol.Size, file.Sections[symbol.Section].End, symbol.Name,
                symbol.Type == ElfSymbol.Function, managed[symbol.Section]);
        return [.. found.OrderBy(symbol => symbol.Address).ThenBy(symbol => symbol.IsFunction).ThenBy(symbol => symbol.Size)];
    }

    private readonly record struct Symbol(ulong Address, ulong Size, ulong SectionEnd, string Name, bool IsFunction, bool IsManaged);
}
