using System.Buffers.Binary;
using System.Text;
using Xenlet.Elf;
using Xenlet.Kernel.Nucleus.Boot;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.Images;

/// <summary>What an image says of itself.</summary>
internal sealed class ImageFile
{
    /// <summary>XEN_ELFNOTE_GUEST_OS (xen/include/public/elfnote.h).</summary>
    private const uint GuestOsNote = 6;

    /// <summary>XEN_ELFNOTE_PHYS32_ENTRY.</summary>
    private const uint EntryNote = 18;

    /// <summary>NT_GNU_BUILD_ID.</summary>
    private const uint BuildIdNote = 3;

    private const ulong PageSize = 4096;
    private const ulong Mebibyte = 1 << 20;

    private ImageFile(string path, ElfReader elf, ulong entry)
    {
        Path = path;
        Entry = entry;
        Segments = [.. elf.Segments.Where(segment => segment.Type == ElfSegment.Load && segment.MemorySize > 0)];
        Parts = ImagePart.Sum(elf);
        Contents = ImageContents.Read(elf, path);
        foreach (ElfNote note in elf.Notes())
        {
            switch (note)
            {
                case { Owner: "Xen", Type: GuestOsNote }:
                    GuestOs = Encoding.UTF8.GetString(note.Value.Span).TrimEnd('\0');
                    break;
                case { Owner: "GNU", Type: BuildIdNote }:
                    BuildId = Convert.ToHexStringLower(note.Value.Span);
                    break;
            }
        }
    }

    /// <summary>The file, as it was named.</summary>
    public string Path { get; }

    /// <summary>The physical address at which Xen enters it, in 32-bit mode.</summary>
    public ulong Entry { get; }

    /// <summary>The name of the system that it says it is, if any.</summary>
    public string? GuestOs { get; }

    /// <summary>What the linker made of its contents, in hexadecimal digits, if it did.</summary>
    public string? BuildId { get; }

    /// <summary>What is loaded, in the file's order; at least one.</summary>
    public IReadOnlyList<ElfSegment> Segments { get; }

    /// <summary>What its bytes in memory are for.</summary>
    public IReadOnlyList<ImagePart> Parts { get; }

    /// <summary>Its files, and its variables of the environment.</summary>
    public ImageContents Contents { get; }

    /// <summary>Its first address.</summary>
    public ulong Start => Segments.Min(segment => segment.Address) / PageSize * PageSize;

    /// <summary>The address behind its last page.</summary>
    public ulong End => Segments.Max(segment => (segment.End + PageSize - 1) / PageSize * PageSize);

    /// <summary>
    /// The least memory, in MiB, of a domain that can hold it: its last address lies within, with a page behind it for what Xen says at the
    /// start, and beside the image there is what .NET's runtime needs. The nucleus, which knows what it takes for itself, may ask for more.
    /// </summary>
    public int LeastMemoryMiB
    {
        get
        {
            ulong least = Math.Max(End + PageSize, End - Start + RuntimeMemory.Needed);
            return (int)((least + Mebibyte - 1) / Mebibyte);
        }
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ToolException">It cannot be read, or is no image that Xen can start; the message says why.</exception>
    public static ImageFile Read(string path)
    {
        try
        {
            ElfReader elf = new(File.ReadAllBytes(path), path);
            ulong entry = elf.Notes().FirstOrDefault(note => note is { Owner: "Xen", Type: EntryNote }) is { Value.Length: 4 or 8 } found
                ? BinaryPrimitives.ReadUInt32LittleEndian(found.Value.Span)
                : throw new InvalidDataException(
                    $"{path} is no image of a Xen guest: it has no note XEN_ELFNOTE_PHYS32_ENTRY, where Xen would enter it.");
            return elf.Segments.Any(segment => segment.Type == ElfSegment.Load && segment.MemorySize > 0)
                ? new(path, elf, entry)
                : throw new InvalidDataException($"{path} has no segment to load.");
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new ToolException(failure.Message);
        }
    }
}
