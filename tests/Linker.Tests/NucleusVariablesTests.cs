using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Linker.Tests;

public sealed class NucleusVariablesTests
{
    /// <summary>STT_SECTION.</summary>
    private const SymbolKind SectionSymbol = (SymbolKind)3;

    private const string First = "__NONGCSTATICS" + FailureRedirect.NucleusPrefix + "First";
    private const string Second = "__NONGCSTATICS" + FailureRedirect.NucleusPrefix + "Second";
    private const string Program = "__NONGCSTATICSProgram_Type";

    [Fact]
    public void The_variables_of_the_nucleus_get_a_section_of_their_own_and_the_programs_stay()
    {
        ObjectFile file = new("app.o", NucleusVariables.Separate("app.o", WriteObject()));

        SectionHeader section = file.Sections[^1];
        Assert.Equal((".nucleus.bss", 8u, 3ul), (section.Name, section.Type, section.Flags));
        Assert.Equal([".nucleus.bss", ".nucleus.bss", ".bss"], new[] { First, Second, Program }.Select(name => SectionOf(file, name)));

        // 40 bytes, then 9 at the same distance from a multiple of 16 as before.
        Assert.Equal((0x8ul, 0x31ul), (file.SymbolValue(file.FindSymbol(First)), file.SymbolValue(file.FindSymbol(Second))));
        Assert.Equal(0x3a, section.Size);
        int program = file.FindSymbol(Program);
        Assert.Equal((0x10ul, 112), (file.SymbolValue(program), file.Sections[file.SymbolSection(program)].Size));
    }

    [Fact]
    public void What_refers_to_a_variable_by_its_section_finds_it_where_it_is_now()
    {
        ObjectFile file = new("app.o", NucleusVariables.Separate("app.o", WriteObject()));

        Span<byte> entries = file.Contents(file.Sections.Single(s => s.Name == ".rela.debug_info"));
        List<(string Symbol, long Addend)> references = [];
        for (; entries.Length > 0; entries = entries[24..])
        {
            int symbol = BinaryPrimitives.ReadInt32LittleEndian(entries[12..]);
            references.Add((Encoding.UTF8.GetString(file.SymbolName(symbol)), BinaryPrimitives.ReadInt64LittleEndian(entries[16..])));
        }

        Assert.Equal([("the section", 0x10), (First, 0), (First, 39), (Second, 8), (First, 4)], references);
    }

    [Fact]
    public void A_second_time_changes_nothing()
    {
        byte[] once = NucleusVariables.Separate("app.o", WriteObject());
        Assert.Equal(once, NucleusVariables.Separate("app.o", (byte[])once.Clone()));
    }

    [BinutilsFact]
    public void The_linker_puts_them_among_the_stubs_data()
    {
        using ScratchDirectory scratch = new();
        File.WriteAllBytes(scratch["app.o"], NucleusVariables.Separate("app.o", WriteObject()));
        Assert.Equal((0, "", ""), Tool.Run("ld", "-r", "-o", scratch["linked.o"], scratch["app.o"]));
        ObjectFile linked = new("linked.o", File.ReadAllBytes(scratch["linked.o"]));
        Assert.Equal([".nucleus.bss", ".nucleus.bss", ".bss"], new[] { First, Second, Program }.Select(name => SectionOf(linked, name)));
    }

    [Fact]
    public void A_variable_with_an_initial_value_is_named()
    {
        BadObjectException error = Assert.Throws<BadObjectException>(
            () => NucleusVariables.Separate("app.o", WriteObject(initialised: true)));
        Assert.Contains($"{Second} has an initial value", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prefix_nothing_has_is_an_error() =>
        Assert.Throws<BadObjectException>(() => NucleusVariables.Separate("app.o", WriteObject(), "Renamed_"));

    /// <summary>
    /// As ILC writes it: static fields of all types in one section, their symbols without a size, and debug information that names them
    /// by the section. The
    /// second type of the nucleus lies at an odd address, as one of a few bools may.
    /// </summary>
    private static byte[] WriteObject(bool initialised = false)
    {
        ObjectWriter writer = new();
        ObjectSection zeros = writer.AddZeros(".bss");
        zeros.Reserve(112, 16);
        ObjectSection data = writer.AddData(".data");
        data.Append(new byte[16], 16, []);
        writer.Define("the section", zeros, 0, 0, SectionSymbol);
        writer.Define(Program, zeros, 0x10, 0, SymbolKind.None);
        writer.Define(First, zeros, 0x18, 0, SymbolKind.None);
        writer.Define("__NONGCSTATICSProgram_Other", zeros, 0x40, 0, SymbolKind.None);
        writer.Define(Second, initialised ? data : zeros, initialised ? 0 : 0x51, 0, SymbolKind.None);
        writer.Define("__NONGCSTATICSProgram_Last", zeros, 0x5a, 0, SymbolKind.None);
        writer.Add(".debug_info", 1, 0).Append(
            new byte[40],
            1,
            [
                new Relocation(0, RelocationType.Absolute64, "the section", 0x10),
                new Relocation(8, RelocationType.Absolute64, "the section", 0x18),
                new Relocation(16, RelocationType.Absolute64, "the section", 0x3f),
                new Relocation(24, RelocationType.Absolute64, "the section", 0x59),
                new Relocation(32, RelocationType.Absolute64, First, 4),
            ]);
        return writer.Write();
    }

    private static string SectionOf(ObjectFile file, string symbol) => file.Sections[file.SymbolSection(file.FindSymbol(symbol))].Name;
}
