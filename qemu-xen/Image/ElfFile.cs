using System.Buffers.Binary;
using System.Text;
using Xenlet.Elf;

namespace Xenlet.QemuXen.Image;

/// <summary>
/// The facts about an ELF file that packing a dom0 needs: the shared libraries that it needs, its own library name, and kernel module
/// information. Tag numbers are those of the System V ABI.
/// </summary>
internal sealed class ElfFile
{
    private const long DtNeeded = 1;
    private const long DtStrtab = 5;
    private const long DtSoname = 14;

    private readonly ElfReader _elf;

    private ElfFile(ElfReader elf) => _elf = elf;

    /// <summary>Shared libraries that the file needs (DT_NEEDED), in its order.</summary>
    public IReadOnlyList<string> Needed { get; private set; } = [];

    /// <summary>The name under which other files need this library (DT_SONAME), or null.</summary>
    public string? SharedObjectName { get; private set; }

    /// <summary>Reads a file's dynamic section. A file without one (static, or a relocatable object) needs nothing.</summary>
    /// <exception cref="InvalidDataException">The bytes are not such an ELF file, or a table lies outside it.</exception>
    public static ElfFile Read(ReadOnlyMemory<byte> image, string name)
    {
        ElfFile file = new(new ElfReader(image, name));
        file.ReadDynamic();
        return file;
    }

    /// <summary>The modules that a kernel module depends on: the list after "depends=" in its section .modinfo.</summary>
    public IReadOnlyList<string> ModuleDependencies()
    {
        ElfSection section = _elf.Sections.FirstOrDefault(section => _elf.NameOf(section) == ".modinfo");
        foreach (string entry in Encoding.ASCII.GetString(_elf.Contents(section).Span).Split('\0'))
        {
            if (entry.StartsWith("depends=", StringComparison.Ordinal))
            {
                return entry["depends=".Length..].Split(',', StringSplitOptions.RemoveEmptyEntries);
            }
        }

        return [];
    }

    private void ReadDynamic()
    {
        ReadOnlySpan<byte> dynamic = _elf.Contents(_elf.Segments.FirstOrDefault(segment => segment.Type == ElfSegment.Dynamic)).Span;
        ulong strings = 0;
        List<ulong> needed = new();
        ulong? soname = null;
        for (; dynamic.Length >= 16; dynamic = dynamic[16..])
        {
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(dynamic[8..]);
            switch (BinaryPrimitives.ReadInt64LittleEndian(dynamic))
            {
                case DtNeeded: needed.Add(value); break;
                case DtStrtab: strings = value; break;
                case DtSoname: soname = value; break;
            }
        }

        if (needed.Count == 0 && soname is null)
        {
            return;
        }

        ElfSegment load = _elf.Segments.FirstOrDefault(
            segment => segment.Type == ElfSegment.Load && strings >= segment.Address && strings - segment.Address < segment.FileSize);
        ulong table = strings - load.Address + load.Offset;
        Needed = needed.ConvertAll(offset => _elf.TextAt(table + offset));
        SharedObjectName = soname is { } name ? _elf.TextAt(table + name) : null;
    }
}
