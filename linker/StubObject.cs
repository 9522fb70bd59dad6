namespace Xenlet.Linker;

/// <summary>Writes blocks to the sections of one object file.</summary>
public static class StubObject
{
    /// <summary>Writes blocks as an ELF object.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <returns>The file's contents.</returns>
    public static byte[] Write(IEnumerable<Block> blocks)
    {
        ObjectWriter writer = new();
        Add(writer, blocks);

        // Without this empty section, ld assumes old code that needs an executable stack.
        writer.AddMarker(".note.GNU-stack");
        return writer.Write();
    }

    /// <summary>Adds blocks to an object.</summary>
    /// <param name="writer">The object, which has none of the blocks' sections yet.</param>
    /// <param name="blocks">The blocks.</param>
    internal static void Add(ObjectWriter writer, IEnumerable<Block> blocks)
    {
        Dictionary<BlockSection, ObjectSection> sections = new Dictionary<BlockSection, ObjectSection>
        {
            [BlockSection.TextBoot] = writer.AddCode(".text.boot"),
            [BlockSection.Text] = writer.AddCode(".text"),
            [BlockSection.Unwinding] = writer.AddCode(".text.xenlet.unwinding"),
            [BlockSection.NoteXen] = writer.AddNotes(".note.Xen"),
            [BlockSection.Bss] = writer.AddZeros(NucleusVariables.SectionName),
        };

        foreach (Block block in blocks)
        {
            ObjectSection section = sections[block.Section];
            SymbolKind kind = block.Bitness == 0 ? SymbolKind.Data : SymbolKind.Function;
            int start = block.Section == BlockSection.Bss
                ? section.Reserve(block.Size, block.Alignment)
                : section.Append(block.Bytes, block.Alignment, block.Relocations);
            writer.Define(block.Name, section, start, block.Size, kind);
            foreach (InnerSymbol inner in block.InnerSymbols)
            {
                writer.Define(inner.Name, section, start + inner.Offset, 0, kind);
            }
        }
    }
}
