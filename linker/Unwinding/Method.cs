namespace Xenlet.Linker.Unwinding;

/// <summary>A method, or a funclet of one, as an entry of the compiler's call frame information describes it.</summary>
/// <param name="Start">Bytes from the start of the compiler's code to its first.</param>
/// <param name="Size">Its size in bytes.</param>
/// <param name="Data">Bytes from the start of <c>.dotnet_eh_table</c> to what the runtime keeps about it (its LSDA).</param>
/// <param name="Rule">How its frames are left.</param>
public sealed record Method(int Start, int Size, int Data, MethodRule Rule);
