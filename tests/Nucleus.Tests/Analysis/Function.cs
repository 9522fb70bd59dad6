namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>A piece of code with a name of its own.</summary>
/// <param name="Names">Every symbol at its address: an export has two, its own and the method's.</param>
/// <param name="Address">Its first byte.</param>
/// <param name="Size">Its length in bytes.</param>
internal sealed record Function(IReadOnlyList<string> Names, ulong Address, int Size)
{
    /// <summary>The first byte behind it.</summary>
    public ulong End => Address + (ulong)Size;

    /// <summary>The names as a message shows them.</summary>
    public override string ToString() => string.Join(" = ", Names);
}
