using System.Buffers.Binary;
using System.Text;
using Xenlet.Elf;

namespace Xenlet.Tool.Images;

/// <summary>What an image has beside its program, as linker/Files/FileSection.cs writes it.</summary>
/// <param name="Variables">Variables of the environment, as NAME=VALUE, for what the domain's command line does not set.</param>
/// <param name="Files">Files by their paths below /app, with their lengths in bytes.</param>
internal sealed record ImageContents(IReadOnlyList<string> Variables, IReadOnlyList<(string Path, long Length)> Files)
{
    private const string Section = ".xenlet.files";
    private const int EntrySize = 32;

    /// <summary>Reads the section; an image without one has nothing.</summary>
    /// <exception cref="InvalidDataException">What it says of itself lies outside it.</exception>
    public static ImageContents Read(ElfReader elf, string path)
    {
        if (elf.FindSection(Section) is not { } found)
        {
            return new([], []);
        }

        ReadOnlySpan<byte> section = elf.Contents(found).Span;
        try
        {
            return new(ReadVariables(section), ReadFiles(section));
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidDataException($"{path} has a section {Section} that is damaged.");
        }
    }

    private static List<string> ReadVariables(ReadOnlySpan<byte> section)
    {
        List<string> variables = [];
        ReadOnlySpan<byte> rest = section[Number(section, 12)..];
        for (int count = Number(section, 8); count > 0; count--)
        {
            int end = rest.IndexOf((byte)0);
            variables.Add(Encoding.UTF8.GetString(rest[..end]));
            rest = rest[(end + 1)..];
        }

        return variables;
    }

    private static List<(string Path, long Length)> ReadFiles(ReadOnlySpan<byte> section)
    {
        List<(string Path, long Length)> files = [];
        ReadOnlySpan<byte> rest = section[Number(section, 4)..];
        for (int count = Number(section, 0); count > 0; count--)
        {
            ReadOnlySpan<byte> path = section.Slice(Number(rest, 0), Number(rest, 4));
            files.Add((Encoding.UTF8.GetString(path), BinaryPrimitives.ReadInt64LittleEndian(rest[16..])));
            rest = rest[EntrySize..];
        }

        return files;
    }

    private static int Number(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadInt32LittleEndian(bytes[offset..]);
}
