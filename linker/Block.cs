namespace Xenlet.Linker;

/// <summary>The section of the object file that a block goes to.</summary>
public enum BlockSection
{
    /// <summary>Code that runs after boot.</summary>
    Text,

    /// <summary>The functions by which the runtime walks frames: apart, so that the link can tell whether it calls them.</summary>
    Unwinding,

    /// <summary>The entry point that the hypervisor starts.</summary>
    TextBoot,

    /// <summary>The ELF notes that Xen reads.</summary>
    NoteXen,

    /// <summary>Zero-initialised writable data of the nucleus.</summary>
    Bss,
}

/// <summary>An additional symbol inside a block.</summary>
/// <param name="Name">The symbol's name.</param>
/// <param name="Offset">Bytes from the start of the block. It may equal the block's size, as for the top of a stack.</param>
public sealed record InnerSymbol(string Name, int Offset);

/// <summary>A named piece of the object file: one function, table or variable.</summary>
/// <param name="Name">The global symbol at its first byte.</param>
/// <param name="Section">The section it goes to.</param>
/// <param name="Alignment">Alignment of the first byte, a power of two.</param>
/// <param name="Bytes">The contents; empty in <see cref="BlockSection.Bss"/>.</param>
/// <param name="Size">Its size in bytes.</param>
public sealed record Block(string Name, BlockSection Section, int Alignment, byte[] Bytes, int Size)
{
    /// <summary>16, 32 or 64 for code; 0 for data.</summary>
    public int Bitness { get; init; }

    /// <summary>The fields that the linker must fill in.</summary>
    public IReadOnlyList<Relocation> Relocations { get; init; } = [];

    /// <summary>Symbols inside the block, in addition to <see cref="Name"/>.</summary>
    public IReadOnlyList<InnerSymbol> InnerSymbols { get; init; } = [];

    /// <summary>Creates a zero-initialised variable.</summary>
    /// <param name="name">Its symbol.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="alignment">Alignment of its first byte.</param>
    /// <param name="innerSymbols">Symbols inside it.</param>
    /// <returns>The block.</returns>
    public static Block Zeros(string name, int size, int alignment, params IReadOnlyList<InnerSymbol> innerSymbols) =>
        new(name, BlockSection.Bss, alignment, [], size) { InnerSymbols = innerSymbols };
}
