using System.Buffers.Binary;
using System.Text;

namespace Xenlet.QemuXen.Image;

/// <summary>
/// The few facts about a 64-bit little-endian ELF file that packing a dom0 needs: the shared libraries it names, its own library
/// name and the kernel module information. Offsets and tag numbers are those of the System V ABI.
/// </summary>
internal sealed class ElfFile
{
    private const uint PtLoad = 1;
    private const uint PtDynamic = 2;
    private const long DtNeeded = 1;
    private const long DtStrtab = 5;
    private const long DtSoname = 14;

    private readonly ReadOnlyMemory<byte> _image;

    private ElfFile(ReadOnlyMemory<byte> image) => _image = image;

    /// <summary>Shared libraries the file asks for (DT_NEEDED), in its order.</summary>
    internal IReadOnlyList<string> Needed { get; private set; } = [];

    /// <summary>Name under which others ask for this library (DT_SONAME), or null.</summary>
    internal string? SharedObjectName { get; private set; }

    /// <summary>True when the bytes start like a 64-bit little-endian ELF file.</summary>
    internal static bool IsElf(ReadOnlySpan<byte> image) =>
        image.Length >= 64 && image[..4].SequenceEqual("\u007fELF"u8) && image[4] == 2 && image[5] == 1;

    /// <summary>Reads a file's dynamic section; a file without one (static, or a relocatable object) needs nothing.</summary>
    /// <exception cref="InvalidDataException">The bytes are no such ELF file, or a table lies outside it.</exception>
    internal static ElfFile Read(ReadOnlyMemory<byte> image, string name)
    {
        if (!IsElf(image.Span))
        {
            throw new InvalidDataException($"{name} is not a 64-bit little-endian ELF file.");
        }

        var file = new ElfFile(image);
        try
        {
            file.ReadDynamic();
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidDataException($"{name}: a table of the ELF file lies outside the file.");
        }

        return file;
    }

    /// <summary>The modules a kernel module depends on: the list after "depends=" in its section .modinfo.</summary>
    internal IReadOnlyList<string> ModuleDependencies()
    {
        ReadOnlySpan<byte> information = Section(".modinfo");
        foreach (string entry in Encoding.ASCII.GetString(information).Split('\0'))
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
        ReadOnlySpan<byte> image = _image.Span;
        ulong programHeaders = U64(image, 32);
        int entrySize = U16(image, 54);
        int count = U16(image, 56);
        var loads = new List<(ulong Address, ulong Offset, ulong Size)>();
        ReadOnlySpan<byte> dynamic = [];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = image.Slice((int)programHeaders + (i * entrySize), 56);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
            ulong offset = U64(header, 8);
            ulong size = U64(header, 32);
            if (type == PtLoad)
            {
                loads.Add((U64(header, 16), offset, size));
            }
            else if (type == PtDynamic)
            {
                dynamic = image.Slice((int)offset, (int)size);
            }
        }

        ulong strings = 0;
        var needed = new List<ulong>();
        ulong? soname = null;
        for (int at = 0; at + 16 <= dynamic.Length; at += 16)
        {
            ulong value = U64(dynamic, at + 8);
            switch ((long)U64(dynamic, at))
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

        (ulong address, ulong fileOffset, _) = loads.Find(load => strings >= load.Address && strings < load.Address + load.Size);
        int table = (int)(strings - address + fileOffset);
        Needed = needed.ConvertAll(offset => Text(table + (int)offset));
        SharedObjectName = soname is { } name ? Text(table + (int)name) : null;
    }

    private ReadOnlySpan<byte> Section(string wanted)
    {
        ReadOnlySpan<byte> image = _image.Span;
        int headers = (int)U64(image, 40);
        int size = U16(image, 58);
        int count = U16(image, 60);
        int names = (int)U64(image, headers + (U16(image, 62) * size) + 24);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = image.Slice(headers + (i * size), 64);
            if (Text(names + (int)BinaryPrimitives.ReadUInt32LittleEndian(header)) == wanted)
            {
                return image.Slice((int)U64(header, 24), (int)U64(header, 32));
            }
        }

        return [];
    }

    private string Text(int offset)
    {
        ReadOnlySpan<byte> rest = _image.Span[offset..];
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(offset, 8));

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.Slice(offset, 2));
}
