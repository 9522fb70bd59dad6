namespace Xenlet.Linker.Unwinding;

/// <summary>A register that a method preserves for its caller.</summary>
/// <param name="Register">Its number in DWARF (System V AMD64 ABI, figure 3.36).</param>
/// <param name="Slot">Where it is saved, in words of eight bytes below the CFA.</param>
public readonly record struct SavedRegister(int Register, int Slot);
