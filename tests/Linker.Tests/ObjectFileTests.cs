using System.Buffers.Binary;
using CsCheck;

namespace Xenlet.Linker.Tests;

public sealed class ObjectFileTests
{
    private static readonly byte[] Written = StubObject.Write(StubAssembler.Assemble());

    [Fact]
    public void Every_block_is_found_again_under_its_name()
    {
        ObjectFile file = new("stubs.o", Written);
        foreach (Block block in Stubs.All.Values)
        {
            int symbol = file.FindSymbol(block.Name);
            SectionHeader section = file.Sections[file.SymbolSection(symbol)];
            string expected = block.Section switch
            {
                BlockSection.Text => ".text",
                BlockSection.TextBoot => ".text.boot",
                BlockSection.NoteXen => ".note.Xen",
                _ => ".nucleus.bss",
            };
            Assert.Equal(expected, section.Name);
            Assert.Equal((ulong)block.Size, file.SymbolSize(symbol));
            Assert.Equal(block.Bitness != 0, file.IsFunction(symbol));
            int start = (int)file.SymbolValue(symbol);
            Assert.Equal(0, start % block.Alignment);
            Assert.Equal(0, section.Alignment % block.Alignment);
            if (block.Section != BlockSection.Bss)
            {
                Assert.Equal(block.Bytes, file.Contents(section).Slice(start, block.Size).ToArray());
            }

            foreach (InnerSymbol inner in block.InnerSymbols)
            {
                Assert.Equal((ulong)(start + inner.Offset), file.SymbolValue(file.FindSymbol(inner.Name)));
            }
        }
    }

    [Fact]
    public void Every_relocation_is_written_with_its_symbol()
    {
        ObjectFile file = new("stubs.o", Written);
        HashSet<(int Section, ulong Offset, int Type, string Symbol, long Addend)> written = new();
        foreach (SectionHeader? section in file.Sections.Where(s => s.Type == 4))
        {
            Span<byte> bytes = file.Contents(section);
            for (int at = 0; at < bytes.Length; at += 24)
            {
                Span<byte> entry = bytes[at..];
                Assert.True(written.Add((
                    section.Info,
                    BinaryPrimitives.ReadUInt64LittleEndian(entry),
                    BinaryPrimitives.ReadInt32LittleEndian(entry[8..]),
                    System.Text.Encoding.UTF8.GetString(file.SymbolName(BinaryPrimitives.ReadInt32LittleEndian(entry[12..]))),
                    BinaryPrimitives.ReadInt64LittleEndian(entry[16..]))));
            }
        }

        HashSet<(int, ulong, int, string Symbol, long Addend)> expected = Stubs.All.Values.SelectMany(b => b.Relocations.Select(r =>
        {
            int symbol = file.FindSymbol(b.Name);
            return (file.SymbolSection(symbol), file.SymbolValue(symbol) + (ulong)r.Offset, (int)r.Type, r.Symbol, r.Addend);
        })).ToHashSet();
        Assert.Equal(expected, written);
    }

    [Fact]
    public void Only_what_the_nucleus_exports_is_left_undefined()
    {
        ObjectFile file = new("stubs.o", Written);
        IEnumerable<string> undefined = Enumerable.Range(1, file.SymbolCount - 1)
            .Where(s => file.SymbolSection(s) == 0)
            .Select(s => System.Text.Encoding.UTF8.GetString(file.SymbolName(s)));

        // The C library's, which the program's clock_gettime calls.
        Assert.Equal(
            ["__errno_location", "xenlet_nucleus_start", "xenlet_on_nmi", "xenlet_on_nucleus_fault", "xenlet_on_pending_nmi",
                "xenlet_on_system_call", "xenlet_on_trap"],
            undefined.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_same_stubs_give_the_same_bytes() => Assert.Equal(Written, StubObject.Write(StubAssembler.Assemble()));

    [BinutilsFact]
    public void Readelf_has_no_complaint_of_the_object()
    {
        using ScratchDirectory scratch = new();
        File.WriteAllBytes(scratch["stubs.o"], Written);
        (int status, string? output, string? errors) = Tool.Run("readelf", "-aW", scratch["stubs.o"]);
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("xenlet_start", output, StringComparison.Ordinal);
        Assert.Contains(".note.GNU-stack", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0x00, "not a 64-bit little-endian ELF file")]
    [InlineData(4, 0x01, "not a 64-bit little-endian ELF file")] // ELFCLASS32
    [InlineData(16, 0x02, "not a relocatable object for x86-64")] // ET_EXEC
    [InlineData(18, 0xB7, "not a relocatable object for x86-64")] // EM_AARCH64
    [InlineData(60, 0x00, "has 0 sections")]
    [InlineData(43, 0x7F, "the section headers lie outside the file")]
    public void A_file_that_is_no_such_object_is_named_with_what_is_wrong(int offset, byte value, string message)
    {
        byte[] bytes = (byte[])Written.Clone();
        bytes[offset] = value;
        BadObjectException error = Assert.Throws<BadObjectException>(() => new ObjectFile("some.o", bytes));
        Assert.StartsWith("some.o: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_object_cut_short_anywhere_is_refused()
    {
        for (int length = 0; length < Written.Length; length += 61)
        {
            Assert.Throws<BadObjectException>(() => new ObjectFile("cut.o", Written[..length]));
        }
    }

    [Fact]
    public void A_damaged_object_is_refused_or_read_but_never_read_wildly()
    {
        byte[] original = RedirectObject.Write(out _);
        Gen.Select(Gen.Int[0, original.Length - 1], Gen.Byte).List[1, 4].Sample(damage =>
        {
            byte[] bytes = (byte[])original.Clone();
            foreach ((int at, byte value) in damage)
            {
                bytes[at] = value;
            }

            try
            {
                FailureRedirect.Apply("damaged.o", bytes);
            }
            catch (BadObjectException)
            {
                // It says so.
            }
        }, iter: 20_000);
    }

    [Fact]
    public void A_symbol_cannot_be_defined_twice()
    {
        ObjectWriter writer = new();
        ObjectSection section = writer.AddCode(".text");
        writer.Define("twice", section, 0, 0, SymbolKind.Function);
        Assert.Throws<InvalidOperationException>(() => writer.Define("twice", section, 0, 0, SymbolKind.Function));
    }

    [Fact]
    public void A_field_of_the_wrong_size_cannot_hold_an_address()
    {
        StubEmitter emitter = new(64);
        emitter.Code.mov(Iced.Intel.AssemblerRegisters.rax, 0x1122_3344_5566_7788UL);
        emitter.Refer("somewhere", OperandField.Immediate, RelocationType.Absolute32);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => emitter.ToBlock("wrong"));
        Assert.Contains("somewhere", error.Message, StringComparison.Ordinal);
    }
}
