namespace Xenlet.Elf;

/// <summary>A symbol of a program (Elf64_Sym).</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">STT_ number.</param>
/// <param name="Section">Index of its section; 0, or from SHN_LORESERVE (0xff00) on, for one that lies in none.</param>
/// <param name="Address">Its address.</param>
/// <param name="Size">Its bytes, or 0 where nobody has said.</param>
internal readonly record struct ElfSymbol(string Name, int Type, int Section, ulong Address, ulong Size)
{
    /// <summary>STT_NOTYPE: a label.</summary>
    public const int Label = 0;

    /// <summary>STT_FUNC.</summary>
    public const int Function = 2;

    /// <summary>STT_GNU_IFUNC: a function that chooses another when the program starts.</summary>
    public const int IndirectFunction = 10;
}
