using dnlib.DotNet;

namespace Xenlet.Architecture.Tests;

/// <summary>A type of an assembly, with its nested types and the types that the compiler generated for them.</summary>
/// <param name="Definition">The outermost type.</param>
/// <param name="Folder">The folder of its source, from the room's directory on, such as <c>Wire</c>.</param>
/// <param name="Known">The other types of the assembly that it mentions anywhere.</param>
internal sealed record CompiledType(TypeDef Definition, string Folder, IReadOnlyList<TypeDef> Known)
{
    public string Name => Definition.Name;

    public string Namespace => Definition.Namespace;

    public bool IsPublic => Definition.IsPublic;
}
