namespace Xenlet.Linker;

/// <summary>The relocation types that the stubs need, with their numbers in the x86-64 psABI.</summary>
public enum RelocationType
{
    /// <summary>R_X86_64_64: a 64-bit address.</summary>
    Absolute64 = 1,

    /// <summary>R_X86_64_PC32: a 32-bit distance from the field itself.</summary>
    Relative32 = 2,

    /// <summary>R_X86_64_PLT32: a branch's 32-bit distance from the field itself.</summary>
    Branch32 = 4,

    /// <summary>R_X86_64_32: an address that fits 32 bits when zero-extended.</summary>
    Absolute32 = 10,

    /// <summary>R_X86_64_32S: an address that fits 32 bits when sign-extended.</summary>
    Absolute32Signed = 11,
}

/// <summary>A field in a block of code or data that the linker fills with a symbol's address.</summary>
/// <param name="Offset">Bytes from the start of the block.</param>
/// <param name="Type">How the address is stored.</param>
/// <param name="Symbol">The symbol's name.</param>
/// <param name="Addend">A number added to the address.</param>
public sealed record Relocation(int Offset, RelocationType Type, string Symbol, long Addend);
