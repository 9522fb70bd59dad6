namespace Xenlet.Linker;

/// <summary>The section of the object file a block goes to.</summary>
public enum BlockSection
{
    /// <summary>Code that runs after boot.</summary>
    Text,

    /// <summary>The entry from the hypervisor.</summary>
    TextBoot,

    /// <summary>The ELF notes Xen reads.</summary>
    NoteXen,

    /// <summary>Writable data that starts as zero, among the nucleus's own.</summary>
    Bss,
}

/// <summary>A further symbol inside a block.</summary>
/// <param name="Name">The symbol's name.</param>
/// <param name="Offset">Bytes from the start of the block; the block's size is allowed (an end, such as the top of a stack).</param>
public sealed record InnerSymbol(string Name, int Offset);

/// <summary>A named piece of the object file: one function, table or variable.</summary>
/// <param name="Name">The global symbol at its first byte.</param>
/// <param name="Section">Where it goes.</param>
/// <param name="Alignment">Alignment of the first byte, a power of two.</param>
/// <param name="Bytes">The contents; empty in <see cref="BlockSection.Bss"/>.</param>
/// <param name="Size">Bytes it takes.</param>
public sealed record Block(string Name, BlockSection Section, int Alignment, byte[] Bytes, int Size)
{
    /// <summary>16 or 32 or 64 for code; 0 for data.</summary>
    public int Bitness { get; init; }

    /// <summary>What the linker has to fill in.</summary>
    public IReadOnlyList<Relocation> Relocations { get; init; } = [];

    /// <summary>Symbols inside the block besides <see cref="Name"/>.</summary>
    public IReadOnlyList<InnerSymbol> InnerSymbols { get; init; } = [];

    /// <summary>A variable of zeros.</summary>
    /// <param name="name">Its symbol.</param>
    /// <param name="size">Bytes it takes.</param>
    /// <param name="alignment">Alignment of its first byte.</param>
    /// <param name="innerSymbols">Symbols inside it.</param>
    /// <returns>The block.</returns>
    public static Block Zeros(string name, int size, int alignment, params IReadOnlyList<InnerSymbol> innerSymbols) =>
        new(name, BlockSection.Bss, alignment, [], size) { InnerSymbols = innerSymbols };
}
