using System.Formats.Tar;
using System.Text;
using TarEntry = System.Formats.Tar.TarEntry;

namespace Xenlet.Kernel.Tests;

/// <summary>Archives as a test needs them: those of .NET, and headers that no archiver would write.</summary>
internal static class TarWriting
{
    public const int BlockSize = 512;

    private const int ChecksumOffset = 148;

    /// <summary>A time with a fraction, which a pax header alone can hold.</summary>
    public static DateTimeOffset Time { get; } = new DateTimeOffset(2024, 5, 6, 7, 8, 9, TimeSpan.Zero).AddMilliseconds(250);

    /// <summary>Writes an archive by .NET's writer. An entry whose content is null is a directory.</summary>
    public static byte[] Archive(TarEntryFormat format, params (string Path, string? Content)[] entries)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, format, leaveOpen: true))
        {
            foreach ((string path, string? content) in entries)
            {
                TarEntryType type = content is null ? TarEntryType.Directory : TarEntryType.RegularFile;
                TarEntry entry = format switch
                {
                    TarEntryFormat.Pax => new PaxTarEntry(type, path),
                    TarEntryFormat.Gnu => new GnuTarEntry(type, path),
                    _ => new UstarTarEntry(type, path),
                };
                entry.ModificationTime = Time;
                if (content is not null)
                {
                    entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
                }

                writer.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }

    /// <summary>A header, with a right checksum.</summary>
    public static byte[] Header(ReadOnlySpan<byte> name, char type = '0', string size = "0", string prefix = "", string time = "0")
    {
        byte[] header = new byte[BlockSize];
        name.CopyTo(header);
        Put(header, 124, size);
        Put(header, 136, time);
        header[156] = (byte)type;
        Put(header, 257, "ustar\000");
        Put(header, 345, prefix);
        return Sealed(header);
    }

    /// <summary>Sets the checksum of an archive's first header.</summary>
    public static byte[] Sealed(byte[] archive)
    {
        archive.AsSpan(ChecksumOffset, 8).Fill((byte)' ');
        int sum = archive.Take(BlockSize).Sum(value => value);
        Put(archive, ChecksumOffset, $"{Convert.ToString(sum, 8)}\0");
        return archive;
    }

    /// <summary>A header with a content, in whole blocks.</summary>
    public static byte[] Entry(ReadOnlySpan<byte> name, char type, ReadOnlySpan<byte> content, string prefix = "") =>
        [.. Header(name, type, Convert.ToString(content.Length, 8), prefix), .. content, .. new byte[-content.Length & (BlockSize - 1)]];

    /// <summary>A pax header with these records.</summary>
    public static byte[] Pax(params string[] records) => Entry("pax"u8, 'x', Encoding.UTF8.GetBytes(string.Concat(records.Select(Record))));

    /// <summary>Headers and contents, and the end of an archive.</summary>
    public static byte[] Whole(params byte[][] parts) => [.. parts.SelectMany(part => part), .. new byte[2 * BlockSize]];

    /// <summary>A record, with the length that it itself is a part of.</summary>
    public static string Record(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text) + 2;
        int digits = 1;
        while ($"{length + digits}".Length != digits)
        {
            digits++;
        }

        return $"{length + digits} {text}\n";
    }

    private static void Put(byte[] header, int offset, string text) => Encoding.Latin1.GetBytes(text).CopyTo(header, offset);
}
