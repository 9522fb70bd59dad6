using System.Buffers.Binary;
using System.Text;
using Iced.Intel;

namespace Xenlet.Linker;

/// <summary>The result of <see cref="FailureRedirect"/>.</summary>
/// <param name="Functions">The number of nucleus functions inspected.</param>
/// <param name="Checks">The number of changed references to the helpers of failed checks.</param>
/// <param name="StackCookies">The number of changed references to the stack cookie helper.</param>
public sealed record RedirectReport(int Functions, int Checks, int StackCookies);

/// <summary>
/// Redirects failed checks in the nucleus to its own panic. ILC emits a call of a helper that allocates and throws after every bounds
/// check, and a call of a helper that ends in libc's abort after every function with a buffer on the stack. Neither may run in the nucleus.
/// </summary>
/// <remarks>
/// ILC resolves branches within its one code section itself and writes relocations only for branches that leave it. Both are therefore
/// changed: the displacement in a branch instruction, and the symbol of a relocation. ILC's code contains no data (jump tables are in
/// .rodata), so a function can be decoded from its first byte to its last.
/// </remarks>
public static class FailureRedirect
{
    /// <summary>The start of ILC's names of the nucleus's functions: assembly, then namespace.</summary>
    public const string NucleusPrefix = "Xenlet_Kernel_Xenlet_Kernel_Nucleus_";

    private const int BranchDistanceSize = 4;

    /// <summary>Changes an object file's contents in place.</summary>
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="bytes">The file's contents.</param>
    /// <param name="prefix">The start of the names of the nucleus's functions.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="BadObjectException">
    /// The file is not an object file, or has no function of the nucleus, or no panic to redirect to.
    /// </exception>
    public static RedirectReport Apply(string file, byte[] bytes, string prefix = NucleusPrefix)
    {
        ObjectFile view = new(file, bytes);
        Symbols symbols = new(view, prefix);
        if (symbols.Functions.Count == 0)
        {
            throw view.Bad($"has no function whose name begins with {prefix}");
        }

        int checks = 0;
        int cookies = 0;
        foreach (IGrouping<int, Function> code in symbols.Functions.GroupBy(f => f.Section))
        {
            Function[] functions = code.OrderBy(f => f.Start).ToArray();
            HashSet<int> relocated = new();
            foreach (SectionHeader? relocations in view.Sections.Where(s => s.Type == ElfFormat.SHT_RELA && s.Info == code.Key))
            {
                RedirectRelocations(view, symbols, relocations, functions, relocated, ref checks, ref cookies);
            }

            Span<byte> contents = view.Contents(view.Sections[code.Key]);
            foreach (Function? function in functions)
            {
                RedirectBranches(view, symbols, contents, function, relocated, ref checks, ref cookies);
            }
        }

        return new RedirectReport(symbols.Functions.Count, checks, cookies);
    }

    private static void RedirectRelocations(
        ObjectFile view,
        Symbols symbols,
        SectionHeader section,
        Function[] functions,
        HashSet<int> relocated,
        ref int checks,
        ref int cookies)
    {
        Span<byte> entries = view.Contents(section);
        for (; entries.Length >= ElfFormat.RelaSize; entries = entries[ElfFormat.RelaSize..])
        {
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(entries[ElfFormat.RelaOffset..]);
            if (!Contains(functions, offset))
            {
                continue;
            }

            relocated.Add((int)offset);
            Span<byte> symbol = entries[ElfFormat.RelaSymbol..];
            switch (symbols.KindOf(BinaryPrimitives.ReadInt32LittleEndian(symbol)))
            {
                case Helper.Check:
                    BinaryPrimitives.WriteInt32LittleEndian(symbol, symbols.PanicBounds);
                    checks++;
                    break;
                case Helper.StackCookie:
                    BinaryPrimitives.WriteInt32LittleEndian(symbol, symbols.PanicStackCookie);
                    cookies++;
                    break;
            }
        }
    }

    private static void RedirectBranches(
        ObjectFile view,
        Symbols symbols,
        Span<byte> contents,
        Function function,
        HashSet<int> relocated,
        ref int checks,
        ref int cookies)
    {
        Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(64, contents[function.Start..function.End].ToArray());
        decoder.IP = (ulong)function.Start;
        while (decoder.IP < (ulong)function.End)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid)
            {
                throw view.Bad($"{function.Name} has no instruction at its byte {instruction.IP - (ulong)function.Start}");
            }

            if (instruction.Op0Kind != OpKind.NearBranch64)
            {
                continue;
            }

            ConstantOffsets constants = decoder.GetConstantOffsets(instruction);
            int field = (int)instruction.IP + (int)constants.ImmediateOffset;
            Helper kind = symbols.KindAt(function.Section, instruction.NearBranchTarget);
            if (kind == Helper.None || relocated.Contains(field))
            {
                continue;
            }

            if (constants.ImmediateSize != BranchDistanceSize)
            {
                throw view.Bad(
                    $"{function.Name} has a short branch to a failure helper at its byte {instruction.IP - (ulong)function.Start}");
            }

            int panic = kind == Helper.Check ? symbols.PanicBounds : symbols.PanicStackCookie;
            if (view.SymbolSection(panic) != function.Section)
            {
                throw view.Bad(
                    $"{function.Name} branches to a failure helper in its own section, but "
                    + $"{Encoding.UTF8.GetString(view.SymbolName(panic))} is not in it");
            }

            int distance = checked((int)((long)view.SymbolValue(panic) - (long)instruction.NextIP));
            BinaryPrimitives.WriteInt32LittleEndian(contents[field..], distance);
            if (kind == Helper.Check)
            {
                checks++;
            }
            else
            {
                cookies++;
            }
        }
    }

    private static bool Contains(Function[] functions, ulong offset)
    {
        int low = 0;
        int high = functions.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (offset < (ulong)functions[middle].Start)
            {
                high = middle - 1;
            }
            else if (offset >= (ulong)functions[middle].End)
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    private enum Helper
    {
        None,
        Check,
        StackCookie,
    }

    private sealed record Function(string Name, int Section, int Start, int End);

    /// <summary>What the symbol table contains: the nucleus's functions, the helpers, and their addresses.</summary>
    private sealed class Symbols
    {
        private readonly Dictionary<int, Helper> _bySymbol = [];
        private readonly Dictionary<(int Section, ulong Offset), Helper> _byPlace = [];

        public Symbols(ObjectFile view, string prefix)
        {
            PanicBounds = FindPanic(view, StubNames.PanicBounds);
            PanicStackCookie = FindPanic(view, StubNames.PanicStackCookie);
            byte[] start = Encoding.UTF8.GetBytes(prefix);
            for (int i = 1; i < view.SymbolCount; i++)
            {
                ReadOnlySpan<byte> name = view.SymbolName(i);
                if (name.StartsWith(start) && view.IsFunction(i))
                {
                    Functions.Add(ReadFunction(view, i));
                }
                else if (Classify(name) is var kind and not Helper.None)
                {
                    _bySymbol[i] = kind;
                    if (view.SymbolSection(i) != ElfFormat.SHN_UNDEF)
                    {
                        _byPlace[(view.SymbolSection(i), view.SymbolValue(i))] = kind;
                    }
                }
            }
        }

        public int PanicBounds { get; }

        public int PanicStackCookie { get; }

        public List<Function> Functions { get; } = [];

        public Helper KindOf(int symbol) => _bySymbol.GetValueOrDefault(symbol);

        public Helper KindAt(int section, ulong offset) => _byPlace.GetValueOrDefault((section, offset));

        private static Helper Classify(ReadOnlySpan<byte> name) =>
            name.SequenceEqual("RhpFallbackFailFast"u8) ? Helper.StackCookie
            : name.StartsWith("S_P_CoreLib_Internal_Runtime_CompilerHelpers_ThrowHelpers__"u8) ? Helper.Check
            : name.StartsWith("S_P_CoreLib_System_ThrowHelper__Throw"u8) ? Helper.Check
            : Helper.None;

        private static int FindPanic(ObjectFile view, string name)
        {
            int symbol = view.FindSymbol(name);
            if (view.SymbolSection(symbol) != ElfFormat.SHN_UNDEF)
            {
                ReadFunction(view, symbol);
            }

            return symbol;
        }

        private static Function ReadFunction(ObjectFile view, int symbol)
        {
            string name = Encoding.UTF8.GetString(view.SymbolName(symbol));
            int section = view.SymbolSection(symbol);
            ulong start = view.SymbolValue(symbol);
            ulong size = view.SymbolSize(symbol);
            ulong limit = section < view.Sections.Count ? (ulong)view.Contents(view.Sections[section]).Length : 0;
            if (start > limit || size > limit - start)
            {
                throw view.Bad($"the function {name} lies outside its section");
            }

            return new Function(name, section, (int)start, (int)(start + size));
        }
    }
}
