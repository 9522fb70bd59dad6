using System.Buffers.Binary;

namespace Xenlet.Linker.Unwinding;

/// <summary>
/// The table by which the runtime and the nucleus find a method by an address in it, what the runtime keeps about it, and how its frames
/// are left. It takes the place of DWARF's tables for ILC's code, with a sixth of their size. Linux's kernel has a table of its own too
/// (Documentation/arch/x86/orc-unwinder.rst).
/// </summary>
/// <remarks>
/// Code is divided into pages of 64 KiB. For each method there are four numbers, in arrays of their own: the low 16 bits of its start, the
/// place of its rule in units of four bytes (16 bits), and the offset of its data in <c>.dotnet_eh_table</c> (16 bits and 8 more). Each
/// page has the index of the first method that starts in it or later; behind the last is the number of methods.
/// </remarks>
public static class MethodTable
{
    /// <summary>The section, which linker/xenlet.ld places.</summary>
    public const string SectionName = ".xenlet.methods";

    /// <summary>
    /// Where everything is, 32 bits each: the address of the code and of its end, and the offsets, from here, of the pages, the starts, the
    /// rules' places and the rules. src/Kernel/Nucleus/Unwind/MethodTable.cs begins with it.
    /// </summary>
    public const string Header = "xenlet_methods";

    /// <summary>The indexes of the pages.</summary>
    public const string Pages = "xenlet_method_pages";

    /// <summary>The starts.</summary>
    public const string Starts = "xenlet_method_starts";

    /// <summary>The rules' places.</summary>
    public const string RulePlaces = "xenlet_method_rules";

    /// <summary>The low 16 bits of the data's offsets.</summary>
    public const string DataLow = "xenlet_method_data";

    /// <summary>The high 8 bits of the data's offsets.</summary>
    public const string DataHigh = "xenlet_method_data_high";

    /// <summary>The rules: see <see cref="MethodRule"/>.</summary>
    public const string Rules = "xenlet_unwind_rules";

    /// <summary>The first byte of the compiler's code, by linker/xenlet.ld.</summary>
    public const string CodeStart = "xenlet_managed_start";

    /// <summary>The first byte after it.</summary>
    public const string CodeEnd = "xenlet_managed_end";

    /// <summary>The first byte of the runtime's data of methods, by linker/xenlet.ld.</summary>
    public const string DataStart = "xenlet_method_data_start";

    /// <summary>The bits of an address within its page.</summary>
    internal const int PageBits = 16;

    private const int RuleAlignment = 4;
    private const int DataLimit = 1 << 24;

    private const int HeaderSize = 6 * sizeof(uint);

    /// <summary>Adds the table to an object.</summary>
    /// <param name="writer">The object.</param>
    /// <param name="methods">The methods by address, at least one.</param>
    /// <returns>The section of the table, and nothing else.</returns>
    /// <exception cref="InvalidDataException">There is more than the table can hold; the message says what.</exception>
    public static ObjectSection Add(ObjectWriter writer, IReadOnlyList<Method> methods)
    {
        byte[] rules = WriteRules(methods, out byte[] places);
        (string Symbol, byte[] Bytes)[] parts =
        [
            (Pages, WritePages(methods)),
            (Starts, Write16(methods, method => method.Start & ((1 << PageBits) - 1))),
            (RulePlaces, places),
            (Rules, rules),
            (DataLow, Write16(methods, method => method.Data & ushort.MaxValue)),
            (DataHigh, WriteHigh(methods)),
        ];
        byte[] header = new byte[HeaderSize];
        int at = HeaderSize;
        for (int i = 0; i < parts.Length; i++)
        {
            // The nucleus has no use for the runtime's data.
            int field = (i + 2) * sizeof(uint);
            if (field < HeaderSize)
            {
                BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(field), at);
            }

            at = (at + parts[i].Bytes.Length + sizeof(uint) - 1) & -sizeof(uint);
        }

        ObjectSection section = writer.AddConstants(SectionName);
        Append(Header, header, new(0, RelocationType.Absolute32, CodeStart, 0), new(sizeof(uint), RelocationType.Absolute32, CodeEnd, 0));
        foreach ((string symbol, byte[] bytes) in parts)
        {
            Append(symbol, bytes);
        }

        return section;

        void Append(string symbol, byte[] bytes, params Relocation[] relocations) => writer.Define(
            symbol, section, section.Append(bytes, sizeof(uint), relocations), bytes.Length, SymbolKind.Data);
    }

    private static byte[] WritePages(IReadOnlyList<Method> methods)
    {
        int last = methods[^1].Start + methods[^1].Size - 1;
        int pages = (last >> PageBits) + 1;
        byte[] bytes = new byte[(pages + 1) * sizeof(uint)];
        int method = 0;
        for (int page = 0; page <= pages; page++)
        {
            while (method < methods.Count && methods[method].Start >> PageBits < page)
            {
                method++;
            }

            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(page * sizeof(uint)), method);
        }

        return bytes;
    }

    private static byte[] WriteRules(IReadOnlyList<Method> methods, out byte[] places)
    {
        Dictionary<MethodRule, int> placeOf = [];
        Dictionary<string, int> placeOfBytes = new(StringComparer.Ordinal);
        using MemoryStream rules = new();
        foreach (MethodRule rule in methods.Select(method => method.Rule).Where(rule => !placeOf.ContainsKey(rule)))
        {
            byte[] bytes = rule.ToBytes();
            string key = Convert.ToHexString(bytes);
            if (!placeOfBytes.TryGetValue(key, out int place))
            {
                rules.Write(new byte[-rules.Length & (RuleAlignment - 1)]);
                place = (int)(rules.Length / RuleAlignment);
                rules.Write(bytes);
                placeOfBytes.Add(key, place);
            }

            placeOf.Add(rule, place);
        }

        int last = placeOf.Values.Max();
        if (last > ushort.MaxValue)
        {
            throw new InvalidDataException(
                $"has {placeOfBytes.Count} different prologs, {last * RuleAlignment} bytes, where {ushort.MaxValue * RuleAlignment} are "
                + "possible");
        }

        places = Write16(methods, method => placeOf[method.Rule]);
        return rules.ToArray();
    }

    private static byte[] WriteHigh(IReadOnlyList<Method> methods)
    {
        int largest = methods.Max(method => method.Data);
        return largest < DataLimit
            ? [.. methods.Select(method => (byte)(method.Data >> 16))]
            : throw new InvalidDataException($"has {largest} bytes of data of methods, where {DataLimit} are possible");
    }

    private static byte[] Write16(IReadOnlyList<Method> methods, Func<Method, int> value)
    {
        byte[] bytes = new byte[methods.Count * sizeof(ushort)];
        for (int i = 0; i < methods.Count; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i * sizeof(ushort)), (ushort)value(methods[i]));
        }

        return bytes;
    }
}
