namespace Xenlet.Linker.Unwinding;

/// <summary>How a method's frame is left from an instruction on: a row of the call frame table (DWARF 5, section 6.4.1).</summary>
/// <param name="Distance">Bytes from the method's start to the first instruction that it holds for.</param>
/// <param name="IsFromFramePointer">Whether the CFA is counted from rbp; otherwise it is from rsp.</param>
/// <param name="CfaOffset">Bytes from that register to the CFA.</param>
/// <param name="Saved">How many of the rule's registers are saved there.</param>
public readonly record struct MethodRow(int Distance, bool IsFromFramePointer, int CfaOffset, int Saved);
