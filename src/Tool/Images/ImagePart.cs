using Xenlet.Elf;

namespace Xenlet.Tool.Images;

/// <summary>What bytes of an image are for.</summary>
/// <param name="Name">In words.</param>
/// <param name="Size">Bytes in memory.</param>
internal sealed record ImagePart(string Name, ulong Size)
{
    private const string ManagedCode = "managed code: the program, .NET's libraries, Xenlet";
    private const string NativeCode = "native code: .NET's runtime, glibc, Xenlet's stubs";
    private const string UnwindTables = "unwind tables";
    private const string Constants = "constants";
    private const string Data = "data";
    private const string Zeroed = "zeroed memory, not in the file";
    private const string Nucleus = "the nucleus's own memory, not in the file";

    private static readonly string[] Order = [ManagedCode, NativeCode, UnwindTables, Constants, Data, Zeroed, Nucleus];

    /// <summary>The parts of a file's loaded sections, in a fixed order; none if it has no table of sections.</summary>
    public static IReadOnlyList<ImagePart> Sum(ElfReader elf)
    {
        Dictionary<string, ulong> sizes = elf.Sections
            .Where(section => (section.Flags & ElfSection.Loaded) != 0)
            .GroupBy(section => PartOf(section, elf.NameOf(section)))
            .ToDictionary(part => part.Key, part => (ulong)part.Sum(section => (long)section.Size));
        return [.. Order.Where(sizes.ContainsKey).Select(name => new ImagePart(name, sizes[name]))];
    }

    private static string PartOf(ElfSection section, string name) => name switch
    {
        "__managedcode" or "__unbox" => ManagedCode,
        ".dotnet_eh_table" or ".xenlet.methods" or ".eh_frame" or ".eh_frame_hdr" or ".gcc_except_table" => UnwindTables,
        ".nucleus" => Nucleus,
        _ when (section.Flags & ElfSection.Executable) != 0 => NativeCode,
        _ when section.Type == ElfSection.WithoutContents => Zeroed,
        _ when (section.Flags & ElfSection.Writable) != 0 => Data,
        _ => Constants,
    };
}
