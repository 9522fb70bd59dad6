using dnlib.DotNet;
using dnlib.DotNet.Pdb;

namespace Xenlet.Architecture.Tests;

/// <summary>
/// The content of a room's assembly and its debugging information: its types, the folder of each type's source, and the types that each
/// refers to. It cannot see what the compiler leaves no trace of: the value of a constant, a <c>nameof</c>, a comment.
/// </summary>
internal sealed class CompiledRoom
{
    private CompiledRoom(Room room, IReadOnlyList<CompiledType> types)
    {
        Room = room;
        Types = types;
    }

    public Room Room { get; }

    public IReadOnlyList<CompiledType> Types { get; }

    /// <summary>Each reference to a type of a higher floor, in words.</summary>
    public IEnumerable<string> ArrowsUp()
    {
        Dictionary<TypeDef, CompiledType> byDefinition = Types.ToDictionary(type => type.Definition);
        foreach (CompiledType type in Types)
        {
            foreach (CompiledType known in type.Known.Where(byDefinition.ContainsKey).Select(known => byDefinition[known]))
            {
                if (Room.FloorOf(known.Folder) > Room.FloorOf(type.Folder))
                {
                    yield return $"{type.Name} -> {known.Name}: {type.Folder} is below {known.Folder}";
                }
            }
        }
    }

    /// <summary>Reads the room's assembly, which is in the same directory as this one.</summary>
    public static CompiledRoom Load(Room room)
    {
        ModuleDefMD module = ModuleDefMD.Load(Path.Combine(AppContext.BaseDirectory, room.Assembly + ".dll"));
        List<CompiledType> types = [];
        foreach (TypeDef type in module.Types.Where(type => !type.IsGlobalModuleType))
        {
            // What the compiler adds to an assembly has no source.
            string[] folders = [.. TypeReferences.WithNested(type)
                .SelectMany(Sources)
                .Select(source => FolderOf(source, room))
                .OfType<string>()
                .Distinct()];
            if (folders.Length > 0)
            {
                Assert.True(folders.Length == 1, $"{type.FullName} has sources in several folders: {string.Join(", ", folders)}");
                types.Add(new(type, folders[0], [.. new TypeReferences(type).Found]));
            }
        }

        return new(room, types);
    }

    private static IEnumerable<string> Sources(TypeDef type) => type.Methods
        .Where(method => method.HasBody)
        .SelectMany(method => method.Body.Instructions)
        .Select(instruction => instruction.SequencePoint?.Document)
        .Concat(type.CustomDebugInfos.OfType<PdbTypeDefinitionDocumentsDebugInfo>().SelectMany(info => info.Documents))
        .OfType<PdbDocument>()
        .Select(document => document.Url);

    /// <summary>
    /// The folder of a source file below the room's directory; <see langword="null"/> for one that was generated elsewhere.
    /// </summary>
    private static string? FolderOf(string source, Room room)
    {
        string directory = "/" + room.Directory + "/";
        int at = source.IndexOf(directory, StringComparison.Ordinal);
        string? folder = at < 0 ? null : Path.GetDirectoryName(source[(at + directory.Length)..]);
        return folder == "obj" || folder?.StartsWith("obj/", StringComparison.Ordinal) == true ? null : folder;
    }
}
