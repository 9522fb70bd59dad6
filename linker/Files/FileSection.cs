using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Xenlet.Linker.Files;

/// <summary>
/// The section of an image with its files, as src/Kernel/Nucleus/Linux/FileSystem/ImageFiles.cs reads it: a header (number and offset of
/// the entries, number and offset of the variables, 32 bits each), an entry for each file (offset and length of the path, 32 bits each;
/// offset and length of the content, and the file's time, 64 bits each), then variables, paths and contents. Offsets are from the start of
/// the section. Equal files give equal bytes, and files of equal content share it: many time zones are others by another name.
/// </summary>
public static class FileSection
{
    /// <summary>The section's name, which linker/xenlet.ld places.</summary>
    public const string Name = ".xenlet.files";

    private const int HeaderSize = 16;
    private const int EntrySize = 32;
    private const int Alignment = 16;

    // 2001-01-01 UTC, and twenty years.
    private const ulong FirstSecond = 978_307_200;
    private const ulong Seconds = 20 * 365 * 86_400;

    /// <summary>Writes an object file with the section.</summary>
    /// <param name="content">What it is to have.</param>
    /// <returns>The object file's bytes.</returns>
    public static byte[] WriteObject(ImageContent content)
    {
        ObjectWriter writer = new();
        writer.AddConstants(Name).Append(Write(content), Alignment, []);
        writer.AddMarker(".note.GNU-stack");
        return writer.Write();
    }

    /// <summary>Writes the section.</summary>
    /// <param name="content">What it is to have.</param>
    /// <returns>The section's bytes.</returns>
    public static byte[] Write(ImageContent content)
    {
        int entries = HeaderSize;
        int variables = entries + (content.Files.Count * EntrySize);
        using MemoryStream section = new();
        section.Write(new byte[variables]);
        foreach (string variable in content.Variables)
        {
            section.Write([.. Encoding.UTF8.GetBytes(variable), 0]);
        }

        Dictionary<string, long> written = new(StringComparer.Ordinal);
        Span<byte> entry = stackalloc byte[EntrySize];
        for (int i = 0; i < content.Files.Count; i++)
        {
            ImageFile file = content.Files[i];
            byte[] path = Encoding.UTF8.GetBytes(file.Path);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)section.Length);
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], path.Length);
            section.Write(path);
            string hash = Convert.ToHexString(SHA256.HashData(file.Content));
            if (!written.TryGetValue(hash, out long offset))
            {
                section.Write(new byte[(Alignment - (section.Length % Alignment)) % Alignment]);
                offset = section.Length;
                section.Write(file.Content);
                written.Add(hash, offset);
            }

            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], offset);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], file.Content.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[24..], TimeOf(file.Content));
            entry.CopyTo(section.GetBuffer().AsSpan(entries + (i * EntrySize)));
        }

        byte[] bytes = section.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, content.Files.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), entries);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), content.Variables.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), variables);
        return bytes;
    }

    /// <summary>
    /// A file's time, in seconds since 1970: a number from its content, so that a web server gives other content another tag and equal
    /// content the same one, whenever it was published.
    /// </summary>
    /// <param name="content">The content.</param>
    /// <returns>A time from 2001 to 2020.</returns>
    public static ulong TimeOf(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, hash);
        return FirstSecond + (BinaryPrimitives.ReadUInt64LittleEndian(hash) % Seconds);
    }
}
