using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Linker;

/// <summary>
/// Moves the nucleus's variables to their own section. ILC puts the static fields of all types into one section, where the nucleus's share
/// pages with the program's. An address check can only protect whole pages from what a system call reads or writes for the program.
/// </summary>
/// <remarks>
/// Code and debug information refer to a static field by its type's symbol and an offset; debug information may also use the section and an
/// offset. Once the symbols are moved and the section offsets are replaced by symbols, the link does the rest.
/// </remarks>
public static class NucleusVariables
{
    /// <summary>The section for these variables and those of the stubs. The linker script names it.</summary>
    public const string SectionName = ".nucleus.bss";

    /// <summary>The start of ILC's symbols for a type's static fields, followed by the type's name.</summary>
    internal const string Prefix = "__NONGCSTATICS";

    // No static field of an unmanaged type needs more.
    private const int Alignment = 16;

    /// <summary>Moves the variables.</summary>
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="bytes">
    /// The file's contents, which must not be used afterwards. A file whose variables were already moved stays unchanged.
    /// </param>
    /// <param name="prefix">The start of the names of the nucleus's types.</param>
    /// <returns>The changed file's contents.</returns>
    /// <exception cref="BadObjectException">
    /// The file is not an object file, has no variable of the nucleus, or has one with an initial value.
    /// </exception>
    public static byte[] Separate(string file, byte[] bytes, string prefix = FailureRedirect.NucleusPrefix)
    {
        ObjectFile view = new(file, bytes);
        List<Variable> moved = FindVariables(view, Encoding.UTF8.GetBytes(Prefix + prefix));
        if (moved.Count == 0)
        {
            throw view.Bad($"has no static field whose type's name begins with {prefix}");
        }

        SectionHeader section = view.Sections[moved[0].Section];
        if (section.Name == SectionName)
        {
            return bytes;
        }

        Redirect(view, section, moved);
        int size = 0;
        foreach (Variable variable in moved)
        {
            // Keep its offset modulo the alignment.
            size += (variable.Start - size) & (Alignment - 1);
            view.MoveSymbol(variable.Symbol, view.Sections.Count, (ulong)size);
            size += variable.End - variable.Start;
        }

        return view.WithSection(SectionName, ElfFormat.SHT_NOBITS, ElfFormat.SHF_ALLOC | ElfFormat.SHF_WRITE, size, Alignment);
    }

    /// <summary>The variables in address order. ILC's symbols have no size: each variable reaches to the next symbol.</summary>
    private static List<Variable> FindVariables(ObjectFile view, byte[] prefix)
    {
        List<(int Symbol, int Section, int Start)> found = new();
        for (int i = 1; i < view.SymbolCount; i++)
        {
            if (view.SymbolName(i).StartsWith(prefix) && view.SymbolSection(i) != ElfFormat.SHN_UNDEF)
            {
                int section = view.SymbolSection(i);
                if (section >= view.Sections.Count || view.Sections[section].Type != ElfFormat.SHT_NOBITS)
                {
                    string name = Encoding.UTF8.GetString(view.SymbolName(i));
                    throw view.Bad($"{name} has an initial value, which a variable of the nucleus cannot have");
                }

                found.Add((i, section, (int)view.SymbolValue(i)));
            }
        }

        if (found.Select(f => f.Section).Distinct().Count() > 1)
        {
            throw view.Bad("has variables of the nucleus in more than one section");
        }

        if (found.Count == 0)
        {
            return [];
        }

        int size = view.Sections[found[0].Section].Size;
        int[] borders = [.. Enumerable.Range(1, view.SymbolCount - 1)
            .Where(i => view.SymbolSection(i) == found[0].Section && !view.IsSection(i))
            .Select(i => (int)view.SymbolValue(i)).Append(size).Distinct().Order()];
        return [.. found.OrderBy(f => f.Start)
            .Select(f => new Variable(f.Symbol, f.Section, f.Start, borders[Array.BinarySearch(borders, f.Start) + 1]))];
    }

    /// <summary>Changes references that use the old section and an offset to use the moved variable's symbol.</summary>
    private static void Redirect(ObjectFile view, SectionHeader section, List<Variable> moved)
    {
        foreach (SectionHeader? relocations in view.Sections.Where(s => s.Type == ElfFormat.SHT_RELA))
        {
            Span<byte> entries = view.Contents(relocations);
            for (; entries.Length >= ElfFormat.RelaSize; entries = entries[ElfFormat.RelaSize..])
            {
                int symbol = BinaryPrimitives.ReadInt32LittleEndian(entries[ElfFormat.RelaSymbol..]);
                if (!view.IsSection(symbol) || view.SymbolSection(symbol) != section.Index)
                {
                    continue;
                }

                long addend = BinaryPrimitives.ReadInt64LittleEndian(entries[ElfFormat.RelaAddend..]);
                int at = moved.FindIndex(v => addend >= v.Start && addend < v.End);
                if (at >= 0)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(entries[ElfFormat.RelaSymbol..], moved[at].Symbol);
                    BinaryPrimitives.WriteInt64LittleEndian(entries[ElfFormat.RelaAddend..], addend - moved[at].Start);
                }
            }
        }
    }

    private sealed record Variable(int Symbol, int Section, int Start, int End);
}
